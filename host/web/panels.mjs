// The parts that show how a host and its machine are doing: health, machine, drives, agreements,
// peers, configuration. Each takes what the API said and shows it, or says honestly that there is
// nothing.

import { anything, el, facts, mark, none, show, spaced, table } from "./dom.mjs";
import { tokens } from "./money.mjs";
import { bytes, moment, observed, percent, short } from "./words.mjs";

/** A meter with its words; the words carry the meaning. */
function filled(name, value, { low, high, worseLow = false }) {
  if (value === null || value === undefined) return "unknown";
  return el("div", {}, el("meter", {
    min: 0, max: 100, value, low, high, optimum: worseLow ? 100 : 0, "aria-label": name,
  }, `${value} %`), `${value} %`);
}

export function showHealth(health) {
  const checks = Object.entries(health.checks).flatMap(([key, all]) =>
    all.map((check) => ({ key, ...check })));
  const worst = { fail: 0, warn: 1, pass: 2 };
  checks.sort((a, b) => worst[a.status] - worst[b.status] || a.key.localeCompare(b.key));
  show("health-body",
    el("p", {}, mark(health.status, health.status), " ", health.output ?? "every check passes"),
    health.notes?.length ? el("ul", {}, health.notes.map((note) => el("li", {}, note))) : null,
    table("Checks by component", [
      ["component", (row) => spaced(row.key.replace(":", ", "))],
      ["status", (row) => mark(row.status, row.status)],
      ["seen", observed, "number"],
      ["which", (row) => (row.componentId ? el("code", { title: row.componentId }, short(row.componentId)) : "")],
      ["what to do", (row) => row.output ?? ""],
    ], checks));
}

export function showMachine(machine) {
  if (!machine) {
    show("machine-body", none("This host's version does not tell its machine's readings."));
    return;
  }
  const { memory, neighbours } = machine;
  const trim = memory.thresholds.find((one) => one.level === "trim");
  const pause = memory.thresholds.find((one) => one.level === "pause");
  const [warn, act] = neighbours.thresholds.map((one) => one.percent);
  const kinds = { calm: "pass", trim: "pass", pause: "warn" };
  show("machine-body",
    el("p", {}, "Pressure: ", mark(kinds[machine.pressure] ?? "fail", machine.pressure)),
    el("h3", {}, "Memory"),
    memory.cause ? el("p", {}, memory.cause) : null,
    memory.leak ? el("p", {}, memory.leak) : null,
    facts([
      ["daemon, resident", bytes(memory.resident)],
      ["own memory, of its budget", filled("own memory", memory.own_percent, { low: trim.own_percent, high: pause.own_percent })],
      ["machine, still available", filled("memory left", memory.left_percent, { low: pause.left_percent, high: trim.left_percent, worseLow: true })],
      ["some task waited, of 2 s", memory.some_ms === null ? "unknown" : `${memory.some_ms} ms`],
    ]),
    table("Memory thresholds", [
      ["level", (row) => row.level],
      ["own memory over", (row) => percent(row.own_percent), "number"],
      ["machine left under", (row) => percent(row.left_percent), "number"],
    ], memory.thresholds),
    el("h3", {}, "Neighbour tables"),
    el("p", {}, `Alarm: ${neighbours.alarm}. `, neighbours.cause ?? ""),
    neighbours.tables.length === 0 ? none("not readable here") : table("Neighbour tables of the whole kernel", [
      ["family", (row) => row.family],
      ["entries", (row) => `${row.entries} of ${row.limit}`, "number"],
      ["fill", (row) => filled(`${row.family} fill`, row.percent, { low: warn, high: act })],
      ["hidden from us", (row) => percent(row.hidden_percent), "number"],
      ["refused", (row) => row.refused, "number"],
    ], neighbours.tables),
    el("p", { class: "hint" }, `Alarms: ${neighbours.thresholds.map((one) => `${one.alarm} at ${one.percent} %`).join(", ")}.`),
    list("Loops that stand still", machine.late),
    list("Not watched here", machine.gaps),
    machine.past ? el("p", {}, `Last life: ${machine.past}`) : null);
}

function list(title, lines) {
  if (!lines?.length) return null;
  return [el("h3", {}, title), el("ul", {}, lines.map((line) => el("li", {}, line)))];
}

/** What the ring of the box holds, as charts. */
export function historyCharts(history) {
  const { from, to, minutes, fields, values } = history;
  const column = (name) => values[fields.indexOf(name)] ?? minutes.map(() => null);
  const line = (name, field, by = 1) => ({
    name,
    values: column(field).map((value) => (value === null ? null : value / by)),
  });
  const chart = (title, unit, series, limits = []) => ({ title, unit, from, to, minutes, series, limits });
  return [
    chart("Pressure", "0 calm to 4 restart", [line("level", "level")]),
    chart("Own memory", "MiB", [line("own", "own_mib")]),
    chart("Memory left on the machine", "MiB", [line("left", "left_mib")]),
    chart("Waiting for memory and drives", "ms of a minute", [line("memory", "some_ms"), line("drives", "io_ms")]),
    chart("Neighbour entries", "entries", [line("IPv4", "v4_entries"), line("IPv6", "v6_entries")], neighbourLimits),
    chart("Entries refused", "since the machine booted", [line("IPv4", "v4_fulls"), line("IPv6", "v6_fulls")]),
    chart("Load of the machine", "tasks", [line("load", "load_hundredths", 100)]),
  ];
}

let neighbourLimits = [];

/** Remembers the tables' limits, for the chart of their entries. */
export function rememberLimits(machine) {
  const tables = machine?.neighbours.tables ?? [];
  neighbourLimits = [...new Set(tables.map((table) => table.limit))]
    .map((limit) => ({ name: `limit ${limit}`, value: limit }));
}

export function showDrives(volumes, drives, storage) {
  const parts = [];
  if (volumes) {
    parts.push(volumes.length === 0 ? none("no volumes") : table("Volumes", [
      ["volume", (row) => el("code", { title: row.volume }, short(row.volume))],
      ["state", (row) => mark(row.state === "healthy" && row.serving ? "pass" : "warn", row.serving ? row.state : `${row.state}, not open`)],
      ["taken", (row) => `${bytes(row.used)} of ${bytes(row.size)}`, "number"],
      ["fill", (row) => filled("fill of a volume", Math.round((row.used / Math.max(1, row.size)) * 100), { low: 90, high: 98 })],
    ], volumes));
  }
  parts.push(facts([["free", bytes(storage.free)], ["taken", bytes(storage.used)], ["shards", storage.shards]]));
  parts.push(el("h3", {}, "Drives"));
  parts.push(drives ? anything("Drives", drives) : none("None: this host reads no drive's own health (SMART) yet."));
  show("drives-body", ...parts);
}

export function showAgreements(said, epoch) {
  if (!said) {
    show("agreements-body", none("This host's version does not list its agreements."));
    return;
  }
  const rows = said.agreements;
  const more = said.next ? ` These are the first ${rows.length}.` : "";
  show("agreements-body",
    el("p", {}, `${said.active} run, ${said.expired} ended by time, ${said.failed} lost their shard.${more}`),
    rows.length === 0 ? none("none open") : table("Open agreements", [
      ["agreement", (row) => el("code", { title: row.agreement }, short(row.agreement))],
      ["state", (row) => row.state],
      ["bytes", (row) => bytes(row.bytes), "number"],
      ["renter", (row) => el("code", { title: row.renter }, short(row.renter))],
      ["price a GiB and epoch", (row) => tokens(row.price), "number"],
      ["epochs left", (row) => Math.max(0, row.end_epoch - epoch), "number"],
      ["paid", (row) => tokens(row.paid), "number"],
    ], rows));
}

export function showPeers(said, addrs) {
  const own = el("ul", {}, addrs.map((addr) => el("li", {}, el("code", {}, addr))));
  if (!said) {
    show("peers-body", none("This host's version does not list its peers."), own);
    return;
  }
  show("peers-body",
    facts([["connections now", said.connections]]),
    el("h3", {}, "Own addresses"), addrs.length ? own : none("none"),
    said.peers.length === 0 ? none("No peer is remembered yet.") : table("Peers remembered", [
      ["peer", (row) => el("code", { title: row.peer }, short(row.peer))],
      ["last seen", (row) => moment(row.seen_ms)],
      ["addresses", (row) => row.addrs.join(", ")],
    ], said.peers));
}

export function showConfig(entries) {
  show("config-body", table("Every key; holdfast config set KEY VALUE changes one", [
    ["key", (row) => el("code", {}, row.key)],
    ["value", (row) => el("code", {}, row.value)],
    ["comes from", (row) => spaced(row.layer.replace("-", " "))],
    ["taken", (row) => (row.live ? "at once" : "at a restart")],
  ], entries));
}

export function showAlerts(said) {
  if (!said) {
    show("alerts-body", none("This host's version raises no alerts."));
    return;
  }
  const kinds = { notice: "pass", warning: "warn", critical: "fail" };
  const routes = said.routes ?? [];
  show("alerts-body",
    said.active.length === 0 ? el("p", {}, mark("pass", "none"), " no rule is broken") : table("Alerts that stand", [
      ["rule", (row) => row.rule],
      ["severity", (row) => mark(kinds[row.severity] ?? "warn", row.severity)],
      ["since", (row) => moment(row.since * 1000)],
      ["what is wrong", (row) => row.summary],
    ], said.active),
    routes.length === 0 ? none("Nobody is told: no route is configured (alerts.webhook, alerts.mail, alerts.ntfy).") : table("Routes", [
      ["route", (row) => row.route],
      ["waiting", (row) => row.waiting, "number"],
      ["delivered", (row) => row.delivered, "number"],
      ["trouble", (row) => row.trouble ?? "none"],
    ], routes));
}
