// Charts over time with uPlot: a canvas with a spoken summary, limits as dashed lines, colours from
// the style so that light and dark both read well.

import { byId, el, none } from "./dom.mjs";

const HEIGHT = 180;
const drawn = [];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** What a chart says in words: its range and its newest value. */
function summary(chart) {
  const said = chart.series.map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return `${name}: no values`;
    const last = known[known.length - 1];
    const [low, high] = known.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [last, last]);
    return `${name}: ${low} to ${high}, last ${last}`;
  });
  return `${chart.title}, ${chart.unit}. ${said.join("; ")}.`;
}

function draw(chart, figure) {
  const axis = {
    stroke: colour("--soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 },
  };
  const lines = chart.series.map(({ name }, at) => ({
    label: name,
    stroke: colour(`--chart-${(at % 3) + 1}`),
    width: 1.5,
    spanGaps: false,
    points: { show: chart.minutes.length < 3 },
  }));
  const limits = chart.limits.map(({ name }) => ({
    label: name,
    stroke: colour("--limit"),
    width: 1,
    dash: [6, 4],
    points: { show: false },
  }));
  const columns = chart.series.map(({ values }) => values);
  const flat = chart.limits.map(({ value }) => chart.minutes.map(() => value));
  const options = {
    width: Math.max(200, figure.clientWidth),
    height: HEIGHT,
    axes: [axis, { ...axis, size: 60 }],
    scales: { x: { time: true, range: () => [chart.from * 60, chart.to * 60] }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high ?? 1) * 1.05 || 1] } },
    series: [{ label: "time" }, ...lines, ...limits],
  };
  const seconds = chart.minutes.map((minute) => minute * 60);
  const plot = new window.uPlot(options, [seconds, ...columns, ...flat], figure);
  plot.ctx.canvas.setAttribute("role", "img");
  plot.ctx.canvas.setAttribute("aria-label", summary(chart));
  return plot;
}

function clear() {
  for (const one of drawn.splice(0)) one.plot.destroy();
}

/** Draws charts in a part of the page in place of those before. */
export function drawAll(id, charts, empty) {
  clear();
  const part = byId(id);
  if (charts.every((chart) => chart.minutes.length === 0)) {
    part.replaceChildren(none(empty));
    return;
  }
  const figures = charts.map((chart) => el("figure", {},
    el("figcaption", {}, chart.title, el("span", {}, chart.unit))));
  part.replaceChildren(...figures);
  charts.forEach((chart, at) => {
    drawn.push({ chart, figure: figures[at], plot: draw(chart, figures[at]) });
  });
}

/** Draws anew, after the colours or the width changed. */
function again() {
  for (const one of drawn) {
    one.plot.destroy();
    one.plot = draw(one.chart, one.figure);
  }
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
let resizing = 0;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(again, 200);
});
