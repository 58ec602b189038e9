// What is stored costs: sums to the smallest unit, as the terms that both sides signed say.

import { get } from "./api.mjs";
import { byId, el, facts, mark, none, table } from "./dom.mjs";
import { sum, tokens } from "./money.mjs";
import { bytes, moment, short, span } from "./words.mjs";

/** What was paid by month, from days. */
function months(days) {
  const found = new Map();
  for (const [day, amount] of days) {
    const month = new Date(day).toISOString().slice(0, 7);
    found.set(month, [...(found.get(month) ?? []), amount]);
  }
  return [...found].map(([month, amounts]) => ({ month, paid: sum(amounts) })).reverse();
}

function wallet(of) {
  if (!of) return [none("Figures of the wallet are for a key to all buckets; this one is for some.")];
  const paid = months(of.by_day);
  return [
    el("p", {}, of.missing
      ? mark("fail", `the vault lacks ${tokens(of.missing)}: holdfast wallet deposit`)
      : mark("pass", "the vault covers the days ahead")),
    facts([["Cheques in all, reads and guards included", tokens(of.promised)]]),
    paid.length > 0
      ? table("Paid for storage by month", [
        ["Month", (one) => one.month], ["Tokens", (one) => tokens(one.paid), "number"]], paid)
      : none("Nothing was paid yet."),
  ];
}

/** Shows the costs of the days that are chosen. */
export async function show() {
  const days = byId("days").value;
  const said = await get("costs", { days });
  const columns = [
    ["Stored object", (one) => el("code", { title: one.object }, short(one.object))],
    ["Bytes", (one) => bytes(one.bytes), "number"],
    ["As shards", (one) => bytes(one.stored), "number"],
    [`Tokens each ${span(said.epoch_seconds)}`, (one) => tokens(one.epoch), "number"],
    ["Paid", (one) => tokens(one.paid), "number"],
    ["Left of its term", (one) => tokens(one.left), "number"],
    ["Paid until", (one) => (one.paid_until_ms ? moment(one.paid_until_ms) : "unknown")],
    ["Term ends", (one) => moment(one.ends_ms)],
  ];
  const unknown = said.objects.filter((one) => one.unknown > 0).length;
  byId("costs-body").replaceChildren(
    facts([
      ["Stored objects", String(said.count)],
      [`Each ${span(said.epoch_seconds)}, in tokens`, tokens(said.per_epoch)],
      ["Until their terms end", tokens(said.left)],
      [`The next ${said.days} days, terms extended`, tokens(said.ahead)],
      ["Reading everything once", tokens(said.read)],
    ]),
    el("h3", {}, "Wallet"), ...wallet(said.wallet),
    el("h3", {}, "By stored object"),
    said.objects.length > 0 ? table("Costs by stored object", columns, said.objects)
      : none("Nothing is stored."),
    ...(unknown > 0 ? [el("p", {}, `The terms of some shards of ${unknown} objects are not known here; they are in no sum.`)] : []),
    ...(said.count > said.objects.length
      ? [el("p", {}, `The first ${said.objects.length} are shown; sums are over all.`)] : []));
}
