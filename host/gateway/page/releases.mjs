// Releases with their manifests: the signature is checked in this browser, and each file against
// the signed digest.
//
// Against which key is the reader's matter: the gateway names one, and whoever got the publisher's
// key elsewhere puts it in its place. It is kept while the page is open.

import { address, get } from "./api.mjs";
import { signed } from "./check.mjs";
import { byId, el, facts, mark, none, table } from "./dom.mjs";
import { verify } from "./object.mjs";
import { bytes, moment } from "./words.mjs";

/** Files of a manifest that are shown. */
const FILES = 1000;

/** The publisher's key that a reader gave; empty for the gateway's word. */
let given = "";

const place = (one) => `#releases?${new URLSearchParams({ name: one.name, version: one.version })}`;

async function showAll(part) {
  const { releases, key } = await get("releases");
  const columns = [
    ["Release", (one) => el("a", { class: "name", href: place(one) }, `${one.name} ${one.version}`)],
    ["Channels", (one) => one.channels.join(", ") || "none"],
    ["Date", (one) => moment(one.date_ms)],
    ["Files", (one) => String(one.files), "number"],
    ["Bytes", (one) => bytes(one.bytes), "number"],
    ["Stays until", (one) => (one.hold ? "held" : one.until_ms ? moment(one.until_ms) : "not said")],
    ["Seen by", (one) => (one.private ? "tokens only" : "everybody")],
  ];
  part.replaceChildren(releases.length > 0 ? table("Releases shown here", columns, releases)
    : none("No release is shown. `holdfast publish` makes one, `holdfast gateway show RELEASE` shows it."),
  facts([["This renter's publishing key", el("code", {}, key)]]));
}

/** Checks the manifest's signature and says what came of it, in a part of the page. */
async function judge(part, of) {
  const key = given.trim() || of.key;
  const whose = given.trim() ? "the key you gave" : "the key this gateway names";
  let found;
  try {
    found = await signed(of.manifest, of.signature, of.namespace, key);
  } catch (error) {
    found = { holds: false, why: error.message };
  }
  const { holds, why } = found;
  part.replaceChildren(...(holds === true
    ? [mark("pass", "signed"), ` This browser checked the manifest's signature with ${whose}.`]
    : holds === null
      ? [mark("warn", "signature not checked"), ` ${why}; ssh-keygen -Y verify checks it anywhere.`]
      : [mark("fail", "signature does not hold"), ` With ${whose}: ${why}.`]));
  return holds;
}

function fileTable(of, manifest, holds) {
  const lines = manifest.files.slice(0, FILES);
  const verdict = el("div", { class: "verdict", role: "status" });
  const who = () => (holds() === true ? "the signed manifest"
    : "the manifest, whose signature was not shown to hold,");
  const query = (file) => ({ name: manifest.name, version: manifest.version, path: file.path });
  const acts = (file) => el("div", { class: "acts" },
    el("button", { type: "button", click: () => verify(verdict, "file", query(file), file.size,
      { sha256: file.sha256, who: who() }, file.path.split("/").pop()) },
    "Verify", el("span", { class: "skip" }, ` ${file.path}`)),
    el("a", { href: address("file", query(file)), download: file.path.split("/").pop() },
      "Download", el("span", { class: "skip" }, ` ${file.path}`)));
  const columns = [
    ["File", (file) => el("span", { class: "name" }, file.path)],
    ["Bytes", (file) => bytes(file.size), "number"],
    ["SHA-256", (file) => el("code", {}, file.sha256)],
    ["Here", acts],
  ];
  return [verdict, table("Files of the manifest", columns, lines),
    ...(manifest.files.length > FILES ? [el("p", {}, `The first ${FILES} of ${manifest.files.length} are shown.`)] : [])];
}

async function showOne(part, { name, version }) {
  const of = await get("release", { name, version });
  const manifest = JSON.parse(of.manifest);
  let holds = null;
  const verdict = el("div", { class: "verdict", role: "status" });
  const key = el("textarea", { id: "publisher", spellcheck: false, "aria-describedby": "publisher-hint" });
  key.value = given;
  const form = el("form", { submit: async (event) => {
    event.preventDefault();
    given = key.value;
    holds = await judge(verdict, of);
  } },
  el("label", { for: "publisher" }, "Publisher's key"), key,
  el("p", { id: "publisher-hint", class: "hint" },
    "ssh-ed25519 …, as the publisher gave it to you. Without it the gateway's own word on whose key it is counts."),
  el("button", { type: "submit" }, "Check again"));
  holds = await judge(verdict, of);
  part.replaceChildren(
    el("p", {}, el("a", { href: "#releases" }, "All releases")),
    facts([
      ["Release", el("span", { class: "name" }, `${manifest.name} ${manifest.version}`)],
      ["Date, as the publisher says", moment(manifest.date_ms)],
      ["Files", String(manifest.files.length)], ["Bytes", bytes(manifest.bytes)],
      ["Network", manifest.network], ["Key named here", el("code", {}, of.key)],
    ]),
    verdict,
    el("details", {}, el("summary", {}, "Check with a key of your own"), form),
    el("h3", {}, "Files"), ...fileTable(of, manifest, () => holds),
    el("details", {}, el("summary", {}, "The manifest as it was signed"),
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Manifest" },
        el("pre", {}, of.manifest))));
}

/** Shows all releases, or the one that `where` names. */
export async function show(where) {
  const part = byId("releases-body");
  if (where.name && where.version) await showOne(part, where);
  else await showAll(part);
}
