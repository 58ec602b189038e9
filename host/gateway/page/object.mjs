// One object: what it is, how its shards are, its bytes verified here, its end.

import { address, get, post, remove, stream } from "./api.mjs";
import { digest } from "./check.mjs";
import { byId, el, facts, mark, table } from "./dom.mjs";
import { bytes, moment, short } from "./words.mjs";

const HEALTH = {
  well: ["pass", "well"], thin: ["warn", "thin: a repair is due"],
  lost: ["fail", "not readable then"], unknown: ["warn", "not looked at yet"],
};

/** A word on health with its colour. */
export const health = (word) => mark(...(HEALTH[word] ?? ["warn", word]));

const code = (words) => el("code", { title: words }, short(words));
const at = (ms) => (ms ? moment(ms) : "unknown");

function looked({ look }) {
  if (!look || look.at_ms === 0) return "never; the gateway looks by itself from time to time";
  const parts = [["alive", look.alive], ["leaving", look.leaving], ["gone", look.gone],
    ["silent", look.silent], ["not asked", look.unasked]];
  const said = parts.filter(([name, count]) => count > 0 || name === "alive");
  const words = said.map(([name, count]) => `${count} ${name}`).join(", ");
  return `${moment(look.at_ms)}: ${words} of ${look.shards}`;
}

const margin = ({ look }) => (look?.may_die === null || look?.may_die === undefined
  ? "unknown" : `${look.may_die} more hosts`);

const repaired = ({ look }) => (look?.repaired_ms
  ? `${moment(look.repaired_ms)}, ${look.placed} shards` : "never");

function stored(of) {
  const readable = of.objects.filter((one) => !one.unreadable);
  const columns = [
    ["Stored object", (one) => code(one.object)],
    ["Health", (one) => health(one.health)],
    ["Bytes", (one) => bytes(one.bytes), "number"],
    ["Shards known", (one) => String(one.shards), "number"],
    ["Needed", (one) => `${one.data} of ${one.data + one.parity} in each of ${one.segments}`],
    ["Last look", looked],
    ["May die", margin],
    ["Last repair", repaired],
    ["Paid until", (one) => at(one.paid_until_ms)],
    ["Term ends", (one) => (one.ends_ms ? moment(one.ends_ms) : `epoch ${one.end_epoch}`)],
  ];
  const parts = [table("Stored objects of this key", columns, readable)];
  const lost = of.objects.length - readable.length;
  if (lost > 0) parts.push(el("p", {}, `${lost} are not in this renter's book: another gateway has them.`));
  if (of.count > of.objects.length) {
    parts.push(el("p", {}, `The first ${of.objects.length} of ${of.count} are shown.`));
  }
  if (of.chain_silent) parts.push(el("p", {}, "The chain does not answer: times of payment are not known."));
  return parts;
}

/** A link that saves what was verified. */
function keepLink(kept, name) {
  const link = el("a", { class: "button", download: name }, "Save the verified bytes");
  link.href = URL.createObjectURL(new Blob(kept, { type: "application/octet-stream" }));
  return link;
}

/**
 * Reads a stream through, hashes it here and says in `verdict` what came of it. `against` is the
 * digest it should have, with who says so; without one that is said.
 */
export async function verify(verdict, route, query, size, against, name) {
  const bar = el("progress", { max: "1", value: "0", "aria-label": "Verifying" });
  const words = el("span", { role: "status" }, "asked for");
  verdict.replaceChildren(words, bar);
  try {
    const answer = await stream(route, query);
    const found = await digest(answer.body, (count) => {
      words.textContent = `read ${bytes(count)} of ${bytes(size)}`;
      bar.value = size ? count / size : 1;
    });
    const is = `this browser read ${bytes(found.bytes)} with SHA-256 ${found.sha256}`;
    if (found.bytes !== size) {
      verdict.replaceChildren(mark("fail", "cut"), ` ${is}; it should have ${bytes(size)}`);
    } else if (!against) {
      verdict.replaceChildren(mark("warn", "nothing to compare"), ` ${is}; no digest was recorded`);
    } else if (against.sha256 !== found.sha256) {
      verdict.replaceChildren(mark("fail", "differs"), ` ${is}; ${against.who} says ${against.sha256}`);
    } else {
      verdict.replaceChildren(mark("pass", "verified"), ` ${is}, as ${against.who} says. `,
        ...(found.kept ? [keepLink(found.kept, name)] : []));
    }
  } catch (error) {
    verdict.replaceChildren(mark("fail", "not read"), ` ${error.message}`);
  }
}

/** Asks a person; true when the answer is yes. */
function asked(words) {
  const dialog = byId("ask");
  byId("ask-words").textContent = words;
  return new Promise((done) => {
    const end = (answer) => {
      dialog.onclose = null;
      dialog.close();
      done(answer);
    };
    byId("ask-no").onclick = () => end(false);
    byId("ask-yes").onclick = () => end(true);
    dialog.onclose = () => done(false);
    dialog.showModal();
  });
}

async function busy(button, verdict, words, act) {
  button.disabled = true;
  verdict.replaceChildren(words);
  try {
    await act();
  } catch (error) {
    verdict.replaceChildren(mark("fail", "refused"), ` ${error.message}`);
  } finally {
    button.disabled = false;
  }
}

/** Shows an object; `deleted` is called when it is gone. */
export async function showObject(part, { bucket, key }, readOnly, deleted) {
  const query = { bucket, key };
  const one = await get("object", query);
  const name = key.split("/").filter(Boolean).pop() ?? "download";
  const verdict = el("div", { class: "verdict", role: "status" });
  const shards = el("div", {}, stored(one.stored));
  const recorded = one.sha256
    ? { sha256: one.sha256, who: "the digest recorded when it was uploaded" } : null;
  const check = el("button", { type: "button", click: () => busy(check, verdict, "", () =>
    verify(verdict, "body", query, one.bytes, recorded, name)) }, "Verify here");
  const look = el("button", { type: "button", class: "plain", click: () =>
    busy(look, verdict, "Hosts are asked for a random piece of each shard…", async () => {
      shards.replaceChildren(...stored(await post("look", query)));
      verdict.replaceChildren("Looked.");
    }) }, "Look now");
  const end = el("button", { type: "button", class: "grave", click: async () => {
    if (!await asked(`Delete ${key}? Hosts are told to let its bytes go.`)) return;
    await busy(end, verdict, "", async () => {
      await remove("object", query);
      deleted();
    });
  } }, "Delete");
  part.replaceChildren(
    facts([
      ["Key", el("span", { class: "name" }, key)], ["Bytes", `${bytes(one.bytes)} (${one.bytes})`],
      ["Modified", moment(one.modified_ms)],
      ["Content type", one.headers["content-type"] ?? "not said"], ["ETag", el("code", {}, one.etag)],
      ["Version", one.version], ["Pieces", String(one.piece_count)],
      ["SHA-256 recorded", one.sha256 ? el("code", {}, one.sha256) : "no digest was recorded"],
      ["Locked until", one.lock ? moment(one.lock.until_ms) : null],
      ["Legal hold", one.hold ? "yes" : null],
    ]),
    el("div", { class: "acts" },
      check,
      el("a", { class: "button", href: address("body", query), download: name }, "Download"),
      look,
      readOnly ? null : end),
    verdict,
    el("h3", {}, "Where its bytes are"),
    shards);
}
