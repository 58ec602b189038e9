// What happened and happens: the newest on top, a bounded list.

import { byId, el, mark } from "./dom.mjs";
import { moment } from "./words.mjs";

const SHOWN = 200;
const KINDS = { notice: "pass", warning: "warn", error: "fail" };

let body = null;
let note = null;

/** Begins an empty list for another host. */
export function clearEvents() {
  body = el("tbody");
  note = el("p", { class: "none", role: "status" }, "none yet");
  const head = ["time", "severity", "part", "what happened"];
  byId("events-body").replaceChildren(note,
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Events, newest first" },
      el("table", {},
        el("caption", {}, "Newest first; warnings and errors of the log, and what the host did"),
        el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
        body)));
}

/** Adds one event. */
export function addEvent(event) {
  const row = el("tr", {},
    el("td", {}, moment(event.time)),
    el("td", {}, mark(KINDS[event.severity] ?? "warn", event.severity)),
    el("td", {}, event.component),
    el("td", {}, event.message));
  row.dataset.sequence = event.sequence;
  body.prepend(row);
  while (body.children.length > SHOWN) body.lastChild.remove();
  note.textContent = "";
}

/** Says that the stream broke, or that it stands again. */
export function streamLost(error) {
  if (error) note.textContent = `The stream broke (${error.message}); trying again.`;
  else note.textContent = body.children.length ? "" : "none yet";
}
