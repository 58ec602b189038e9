// The page as a whole: who is signed in, and which of its parts is shown. What is shown stands in
// the address behind `#`, so that going back and keeping a place work; nothing secret does.

import { get, onGone, post, remove } from "./api.mjs";
import * as browse from "./browse.mjs";
import * as costs from "./costs.mjs";
import { byId } from "./dom.mjs";
import * as drills from "./drills.mjs";
import * as releases from "./releases.mjs";

const VIEWS = { browse, costs, releases, drills };
let caller = null;

/** The view and the place in it that the address names. */
function wanted() {
  const [name, query] = location.hash.slice(1).split(/\?(.*)/s);
  const view = Object.hasOwn(VIEWS, name) ? name : "browse";
  return [view, Object.fromEntries(new URLSearchParams(query ?? ""))];
}

async function draw() {
  if (!caller) return;
  const [view, where] = wanted();
  for (const name of Object.keys(VIEWS)) byId(name).hidden = name !== view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  byId("trouble").textContent = "";
  byId("standing").textContent = "Asking the gateway…";
  try {
    await VIEWS[view].show(where, caller);
  } catch (error) {
    // What stands there is of another place.
    byId(`${view}-body`).replaceChildren();
    byId("trouble").textContent = error.message;
  } finally {
    byId("standing").textContent = "";
  }
}

function rights({ buckets, read_only: readOnly }) {
  const where = buckets.length > 0 ? buckets.join(", ") : "all buckets";
  return `${where}, ${readOnly ? "reading only" : "reading and writing"}`;
}

function enter(who) {
  caller = who;
  byId("who").textContent = `${who.name} (${who.access_key}): ${rights(who)}`;
  for (const [id, hidden] of [["login", true], ["views", false], ["who", false], ["leave", false]]) {
    byId(id).hidden = hidden;
  }
  draw();
}

/** Forgets what was shown and shows the sign-in. */
function leave(words) {
  caller = null;
  for (const name of Object.keys(VIEWS)) byId(`${name}-body`).replaceChildren();
  byId("uploads").replaceChildren();
  for (const [id, hidden] of [["login", false], ["views", true], ["who", true], ["leave", true]]) {
    byId(id).hidden = hidden;
  }
  byId("standing").textContent = "";
  byId("login-trouble").textContent = words;
  byId("access").focus();
}

async function signIn(event) {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  byId("login-trouble").textContent = "";
  try {
    const said = { access_key: byId("access").value.trim(), secret_key: byId("secret").value.trim() };
    enter(await post("session", {}, said));
    byId("main").focus();
  } catch (error) {
    byId("login-trouble").textContent = error.message;
  } finally {
    // Of a secret nothing stays in the page, whatever came of it.
    byId("secret").value = "";
    button.disabled = false;
  }
}

async function begin() {
  onGone(() => { if (caller) leave("The session is over; sign in again."); });
  byId("login-form").addEventListener("submit", signIn);
  byId("leave").addEventListener("click", async () => {
    await remove("session").catch(() => {});
    leave("");
  });
  byId("days").addEventListener("change", draw);
  addEventListener("hashchange", draw);
  try {
    enter(await get("session"));
  } catch (error) {
    leave(error.status === 401 ? "" : error.message);
  }
}

begin();
