// The page as a whole: login, the hosts it is pointed at, and asking the chosen one again and again
// while somebody looks. Tokens live in this module's memory alone.

import { drawAll } from "./charts.mjs";
import { byId, el, mark, show } from "./dom.mjs";
import { addEvent, clearEvents, streamLost } from "./events.mjs";
import { Host } from "./host.mjs";
import * as panels from "./panels.mjs";
import { readings, showEarnings, showProofs, showScore } from "./work.mjs";

/** Between two looks at what changes by the second, and at what changes by the minute. */
const OFTEN = 5_000;
const SELDOM = 60_000;
/** Routes that later versions may have, the first that exists is shown. */
const PROOFS = ["/api/v1/proofs", "/api/v1/prover"];
const SCORES = ["/api/v1/score"];
const DRIVES = ["/api/v1/drives"];

const hosts = [];
let chosen = null;
let timer = 0;
let seldomAt = 0;
let looking = false;

function why(error, host) {
  if (error.name === "TimeoutError") return `${host.name} does not answer in time`;
  if (error instanceof TypeError) {
    const far = host.address ? "; is it on, is its certificate trusted, does it list this page's origin?" : "";
    return `${host.name} cannot be reached${far}`;
  }
  return error.message;
}

async function first(host, paths) {
  const path = paths.find((one) => host.paths.has(one));
  return path ? host.get(path) : null;
}

/** What changes by the second. */
async function lookOften(host) {
  const [health, status, machine, alerts, text] = await Promise.all([
    host.get("/health"), host.get("/api/v1/status"), host.maybe("/api/v1/machine"),
    host.maybe("/api/v1/alerts"), host.text("/metrics"),
  ]);
  const [proofs, score] = await Promise.all([first(host, PROOFS), first(host, SCORES)]);
  if (host !== chosen) return;
  host.health = health;
  host.status = status;
  panels.rememberLimits(machine);
  panels.showHealth(health);
  panels.showMachine(machine);
  panels.showAlerts(alerts);
  const metrics = readings(text);
  showProofs(metrics, proofs, status.proofs ?? null);
  showScore(metrics, score);
  byId("standing").replaceChildren(mark(health.status, health.status));
  showHosts();
}

/** What changes by the minute. */
async function lookSeldom(host) {
  const minutes = byId("span").value;
  const [volumes, drives, agreements, cheques, peers, config, history] = await Promise.all([
    host.maybe("/api/v1/volumes"), first(host, DRIVES), host.maybe("/api/v1/agreements"),
    host.maybe("/api/v1/cheques"), host.maybe("/api/v1/peers"), host.get("/api/v1/config"),
    host.maybe(`/api/v1/history?minutes=${minutes}&points=600`),
  ]);
  if (host !== chosen) return;
  panels.showDrives(volumes, drives, host.status);
  panels.showAgreements(agreements, host.status.epoch);
  showEarnings(cheques, host.status);
  panels.showPeers(peers, host.status.addrs);
  panels.showConfig(config);
  drawAll("history-body", history ? panels.historyCharts(history) : [],
    "No history yet: the box writes a point a minute, the first of them within ten minutes.");
}

async function look() {
  clearTimeout(timer);
  const host = chosen;
  if (!host || looking || document.hidden) return;
  looking = true;
  try {
    await lookOften(host);
    if (Date.now() - seldomAt >= SELDOM) {
      seldomAt = Date.now();
      await lookSeldom(host);
    }
  } catch (error) {
    if (error.status === 401 && host === chosen) leave("This token does not open the host any more.");
    else if (host === chosen) {
      seldomAt = 0;
      byId("standing").replaceChildren(mark("fail", "no answer"), ` ${why(error, host)}`);
    }
  } finally {
    looking = false;
    clearTimeout(timer);
    if (chosen) timer = setTimeout(look, host === chosen ? OFTEN : 0);
  }
}

/** Points the page at one of the hosts. */
function choose(host) {
  chosen = host;
  seldomAt = 0;
  byId("who").textContent = `${host.name} as ${host.caller.name} (${host.caller.scope})`;
  clearEvents();
  for (const event of host.events) addEvent(event);
  streamLost(host.trouble);
  showHosts();
  look();
}

function showHosts() {
  const line = (host) => el("li", {},
    el("button", {
      type: "button", "aria-pressed": String(host === chosen), "data-key": host.name,
    }, host.name),
    " ", host.health ? mark(host.health.status, host.health.status) : "");
  show("hosts-body", el("ul", { class: "hosts" }, hosts.map(line)));
  // Parts that did not change keep their nodes, so the buttons are bound here.
  byId("hosts-body").querySelectorAll("button").forEach((button, at) => {
    button.onclick = () => choose(hosts[at]);
  });
}

/** Logs in at a host and begins to follow it. Throws what it answered. */
async function join(address, token) {
  const host = await new Host(address, token.trim()).open();
  host.events = [];
  host.trouble = null;
  hosts.push(host);
  host.follow((event) => {
    host.events.push(event);
    if (host.events.length > 200) host.events.shift();
    if (host === chosen) addEvent(event);
  }, (error) => {
    host.trouble = error;
    if (host === chosen) streamLost(error);
  });
  return host;
}

/** Forgets every token and shows the login. */
function leave(word) {
  clearTimeout(timer);
  chosen = null;
  for (const host of hosts.splice(0)) host.close();
  for (const part of document.querySelectorAll("#board [id$=-body]")) part.replaceChildren();
  byId("board").hidden = true;
  byId("login").hidden = false;
  byId("who").hidden = true;
  byId("leave").hidden = true;
  byId("standing").textContent = "";
  byId("login-trouble").textContent = word;
  byId("token").focus();
}

async function submitted(event, trouble, act) {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  byId(trouble).textContent = "";
  try {
    await act();
    event.target.reset();
  } catch (error) {
    byId(trouble).textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

function begin() {
  const titles = document.querySelectorAll("#board section > h2");
  byId("parts").append(...[...titles].map((title) =>
    el("li", {}, el("a", { href: `#${title.parentNode.id}` }, title.textContent))));
  byId("own-origin").textContent = location.origin;
  byId("login-form").addEventListener("submit", (event) => submitted(event, "login-trouble", async () => {
    const token = byId("token").value;
    const host = await join("", token).catch((error) => {
      throw new Error(error.status === 401 ? "This token opens nothing here." : why(error, new Host("", "")));
    });
    byId("login").hidden = true;
    byId("board").hidden = false;
    byId("who").hidden = false;
    byId("leave").hidden = false;
    choose(host);
    byId("main").focus();
  }));
  byId("add-form").addEventListener("submit", (event) => submitted(event, "add-trouble", async () => {
    const address = new URL(byId("add-address").value).origin;
    const host = await join(address, byId("add-token").value).catch((error) => {
      throw new Error(why(error, new Host(address, "")));
    });
    choose(host);
  }));
  byId("leave").addEventListener("click", () => leave(""));
  byId("span").addEventListener("change", () => {
    seldomAt = 0;
    look();
  });
  document.addEventListener("visibilitychange", look);
  byId("token").focus();
}

begin();
