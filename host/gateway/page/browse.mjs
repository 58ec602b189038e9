// Buckets, folders and keys. A key is only ever text here: in a cell, in a link's query.

import { get, post } from "./api.mjs";
import { byId, el, none, table } from "./dom.mjs";
import { health, showObject } from "./object.mjs";
import { uploadAll } from "./upload.mjs";
import { bytes, moment } from "./words.mjs";

/** The address of a place in this view. */
const place = (query) => `#browse?${new URLSearchParams(query)}`;

/** Which place was asked for last: an answer that comes late to another one is dropped. */
let turn = 0;

function path({ bucket, prefix, key }) {
  const steps = [["All buckets", "#browse"], [bucket, place({ bucket })]];
  const whole = key ?? prefix ?? "";
  for (let end = whole.indexOf("/"); end >= 0; end = whole.indexOf("/", end + 1)) {
    const upTo = whole.slice(0, end + 1);
    const before = whole.lastIndexOf("/", end - 1) + 1;
    steps.push([whole.slice(before, end) || "(empty)", place({ bucket, prefix: upTo })]);
  }
  if (key !== undefined) steps.push([key.slice(key.lastIndexOf("/", key.length - 2) + 1), null]);
  return el("ol", { class: "path", "aria-label": "Where you are" }, steps.map(([words, href]) =>
    el("li", {}, href ? el("a", { href, class: "name" }, words) : el("span", { class: "name" }, words))));
}

function bucketForm(again) {
  const name = el("input", { id: "bucket-name", type: "text", required: true, spellcheck: false,
    minlength: "3", maxlength: "63", "aria-describedby": "bucket-trouble" });
  const trouble = el("p", { id: "bucket-trouble", class: "trouble", role: "alert" });
  const form = el("form", { submit: async (event) => {
    event.preventDefault();
    try {
      await post("buckets", { bucket: name.value });
      again();
    } catch (error) {
      trouble.textContent = error.message;
    }
  } },
  el("label", { for: "bucket-name" }, "Name"), name, trouble, el("button", { type: "submit" }, "Make"));
  return el("details", {}, el("summary", {}, "Make a bucket"), form);
}

async function showBuckets(part, caller, again) {
  const { buckets } = await get("buckets");
  const columns = [
    ["Bucket", (one) => el("a", { href: place({ bucket: one.name }) }, one.name)],
    ["Objects", (one) => String(one.objects), "number"],
    ["Bytes", (one) => bytes(one.bytes), "number"],
    ["Made", (one) => moment(one.created_ms)],
    ["Keeps versions", (one) => (one.versioned ? "yes" : "no")],
  ];
  return () => part.replaceChildren(
    buckets.length > 0 ? table("Buckets of this key", columns, buckets)
      : none("This key reaches no bucket yet."),
    ...(caller.read_only ? [] : [bucketForm(again)]));
}

/** Lines of a listing, a folder first. */
function lines(found, { bucket, prefix = "" }) {
  const folders = found.prefixes.map((name) => ({ name, folder: true }));
  const cut = (name) => name.slice(prefix.length);
  const link = (one) => (one.folder
    ? el("a", { class: "name", href: place({ bucket, prefix: one.name }) }, cut(one.name))
    : el("a", { class: "name", href: place({ bucket, key: one.key }) }, cut(one.key) || one.key));
  const columns = [
    ["Name", link],
    ["Bytes", (one) => (one.folder ? "" : bytes(one.bytes)), "number"],
    ["Modified", (one) => (one.folder ? "" : moment(one.modified_ms))],
    ["Health at the last look", (one) => (one.folder ? "" : health(one.health))],
    ["Digest", (one) => (one.folder ? "" : one.digest ? "recorded" : "none")],
  ];
  return table("Keys", columns, [...folders, ...found.keys]);
}

async function showKeys(part, where) {
  const query = { bucket: where.bucket, prefix: where.prefix };
  const found = await get("list", query);
  const list = el("div", {});
  const draw = () => {
    const empty = found.keys.length + found.prefixes.length === 0;
    const more = el("button", { type: "button", class: "plain", click: async () => {
      more.disabled = true;
      const next = await get("list", { ...query, after: found.next }).catch((error) => {
        byId("trouble").textContent = error.message;
        return null;
      });
      more.disabled = false;
      if (!next) return;
      found.keys.push(...next.keys);
      found.prefixes.push(...next.prefixes);
      found.next = next.next;
      draw();
    } }, "Show more");
    list.replaceChildren(empty ? none("Nothing is here yet.") : lines(found, where),
      ...(found.next ? [more] : []));
  };
  draw();
  return () => part.replaceChildren(path(where), list);
}

/** Shows the place that `where` names; `caller` is who is signed in. */
export async function show(where, caller) {
  const mine = ++turn;
  const part = byId("browse-body");
  const again = () => show(where, caller);
  const upload = byId("upload");
  upload.hidden = true;
  let draw;
  if (!where.bucket) draw = await showBuckets(part, caller, again);
  else if (where.key === undefined) draw = await showKeys(part, where);
  else {
    const inner = el("div", {});
    const up = where.key.slice(0, where.key.lastIndexOf("/") + 1);
    const back = () => { location.hash = place({ bucket: where.bucket, prefix: up }); };
    await showObject(inner, where, caller.read_only, back);
    draw = () => part.replaceChildren(path(where), inner);
  }
  if (mine !== turn) return;
  draw();
  upload.hidden = !where.bucket || where.key !== undefined || caller.read_only;
  byId("upload-form").onsubmit = async (event) => {
    event.preventDefault();
    const files = [...byId("files").files];
    const replaces = byId("replace").checked;
    event.target.reset();
    const here = turn;
    await uploadAll(files, where.bucket, where.prefix ?? "", replaces, async () => {
      // The place may have changed while it was sent.
      if (turn !== here) return;
      const fresh = await showKeys(part, where);
      if (turn === here) fresh();
    });
  };
}
