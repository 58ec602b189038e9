// Making and replacing parts of the page. Text is only ever set as text, never as markup, so that
// nothing a host says can become a part of the page that acts.

/** An element with attributes and children; null children are left out. */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(key, value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** The element of an id, which index.html has. */
export const byId = (id) => document.getElementById(id);

/**
 * Puts children in place of what a part shows. Where nothing changed nothing is touched, so that
 * a reader's place, focus and selection stay.
 */
export function show(id, ...children) {
  const part = byId(id);
  const fresh = el("div", {}, ...children);
  if (part.isEqualNode(el("div", { id, class: part.getAttribute("class") }, ...clones(fresh)))) return;
  const focused = part.contains(document.activeElement) ? document.activeElement.dataset?.key : null;
  const scrolls = [...part.querySelectorAll(".scroll")].map((one) => [one.scrollTop, one.scrollLeft]);
  part.replaceChildren(...fresh.childNodes);
  part.querySelectorAll(".scroll").forEach((one, at) => {
    [one.scrollTop, one.scrollLeft] = scrolls[at] ?? [0, 0];
  });
  if (focused) part.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

const clones = (node) => [...node.childNodes].map((child) => child.cloneNode(true));

/** A word with its colour: pass, warn or fail. */
export const mark = (kind, word) => el("span", { class: `mark ${kind}` }, word);

/** What stands where there is nothing. */
export const none = (why) => el("p", { class: "none" }, why);

/** A list of names and values. */
export function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined);
  return el("dl", {}, rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

/**
 * A table that scrolls by itself and by keyboard. Columns: [heading, cell of a row, "number"?].
 */
export function table(title, columns, rows) {
  const head = columns.map(([name, , kind]) => el("th", { scope: "col", class: kind }, name));
  const line = (row) => columns.map(([, cell, kind], at) =>
    el(at === 0 ? "th" : "td", { scope: at === 0 ? "row" : null, class: kind }, cell(row)));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title, "data-key": title },
    el("table", {},
      el("caption", {}, title),
      el("thead", {}, el("tr", {}, head)),
      el("tbody", {}, rows.map((row) => el("tr", {}, line(row))))));
}

/** Anything the API says, for parts this page does not know better: lists, tables, values. */
export function anything(title, value) {
  if (value === null || value === undefined) return "none";
  if (Array.isArray(value)) {
    if (value.length === 0) return none(`${title}: none`);
    if (value.every((one) => typeof one === "object" && one !== null)) {
      const names = [...new Set(value.flatMap((one) => Object.keys(one)))];
      return table(title, names.map((name) => [spaced(name), (row) => anything(name, row[name])]), value);
    }
    return value.map(String).join(", ");
  }
  if (typeof value === "object") {
    return facts(Object.entries(value).map(([name, inner]) => [spaced(name), anything(name, inner)]));
  }
  return String(value);
}

/** A name of the API as people write it. */
export const spaced = (name) => name.replace(/([a-z])([A-Z])/g, "$1 $2").replaceAll("_", " ").toLowerCase();
