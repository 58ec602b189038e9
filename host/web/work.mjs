// What a host earns and for what: proofs with the time they have left, cheques, score. Parts of the
// API that a host does not have are shown as absent, never as zero.

import { anything, el, facts, mark, none, show, spaced, table } from "./dom.mjs";
import { tokens } from "./money.mjs";
import { short, span } from "./words.mjs";

/** Names, help and values of a metrics text. */
export function readings(text) {
  const help = new Map();
  const found = [];
  for (const line of text.split("\n")) {
    const said = /^# HELP (\S+) (.*)$/.exec(line);
    if (said) help.set(said[1], said[2]);
    const value = /^([a-z_]+)(\{[^}]*\})? (\S+)$/.exec(line);
    if (value) found.push({ name: value[1], labels: value[2] ?? "", value: Number(value[3]) });
  }
  return found.map((one) => ({ ...one, help: help.get(one.name) ?? help.get(one.name.replace(/_total$/, "")) ?? "" }));
}

const shown = (name, value) => (name.endsWith("_seconds") ? span(value) : value);

function metricFacts(metrics, part) {
  const wanted = metrics.filter(({ name }) => part.test(name));
  if (wanted.length === 0) return null;
  return facts(wanted.map(({ name, labels, value, help }) => [
    help || spaced(name.replace(/^holdfast_/, "")) + labels, shown(name, value)]));
}

/** The time left to the proof's deadline, in large, where the host says one. */
function timeLeft(metrics, said) {
  const seconds = metrics.find(({ name }) => name === "holdfast_proof_slack_seconds");
  if (!said && !seconds) return null;
  const late = Boolean(said?.late);
  return el("p", {}, said ? mark(late ? "fail" : "pass", said.phase) : null, " ",
    seconds ? `${span(seconds.value)} left to the deadline` : "no deadline is near",
    said?.why ? `: ${said.why}` : "");
}

export function showProofs(metrics, proofs, said) {
  const numbers = metricFacts(metrics, /^holdfast_(proof|proving|prover|dataset)/);
  if (!numbers && proofs === null) {
    show("proofs-body", none("None: this host makes no proofs on chain yet."));
    return;
  }
  show("proofs-body", timeLeft(metrics, said), numbers, proofs === null ? null : anything("Proofs", proofs));
}

export function showEarnings(cheques, status) {
  const vaults = cheques?.by_vault ?? [];
  show("earnings-body",
    facts([
      ["promised by cheques, tokens", tokens(cheques?.received ?? status.received)],
      ["cashed", tokens(cheques?.cashed ?? status.cashed)],
      ["not cashed yet", cheques ? tokens(cheques.uncashed) : null],
      ["could not be paid", cheques ? tokens(cheques.bounced) : null],
      ["cashing now", status.cashing],
      ["chain", status.chain],
    ]),
    vaults.length === 0 ? none("No cheque was accepted yet.") : table("By vault, in tokens", [
      ["vault", (row) => el("code", { title: row.vault }, short(row.vault))],
      ["promised", (row) => tokens(row.received), "number"],
      ["cashed", (row) => tokens(row.cashed), "number"],
      ["not cashed", (row) => tokens(row.uncashed), "number"],
      ["bounced", (row) => tokens(row.bounced), "number"],
    ], vaults),
    status.waiting.length === 0 ? null : table("Transactions under way", [
      ["what for", (row) => row.intent],
      ["state", (row) => row.state],
      ["waits for", (row) => row.why],
    ], status.waiting));
}

export function showScore(metrics, score) {
  const numbers = metricFacts(metrics, /^holdfast_score/);
  if (!numbers && score === null) {
    show("score-body", none("None: this host does not tell a score yet."));
    return;
  }
  show("score-body", numbers, score === null ? null : anything("Score", score));
}
