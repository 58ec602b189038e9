// Reports of restore drills: what `holdfast rehearse` brought back, how long it took, who signed.

import { get } from "./api.mjs";
import { byId, el, mark, none, table } from "./dom.mjs";
import { bytes, moment } from "./words.mjs";

const SIGNATURES = {
  good: ["pass", "this renter's"], missing: ["warn", "none"], wrong: ["fail", "does not hold"],
};

function outcome(drill) {
  const faults = drill.faults.map((file) =>
    el("li", { class: "name" }, `${file.path}: ${file.fault ?? "another SHA-256"}`));
  return el("div", {}, drill.passed ? mark("pass", "passed") : mark("fail", "failed"),
    faults.length > 0 ? el("ul", {}, faults) : null);
}

/** Shows every report. */
export async function show() {
  const { drills } = await get("drills");
  const columns = [
    ["Release", (one) => el("span", { class: "name" }, `${one.name} ${one.version}`)],
    ["Begun", (one) => moment(one.begun_ms)],
    ["Outcome", outcome],
    ["Took", (one) => `${one.seconds.toFixed(2)} s`, "number"],
    ["May take", (one) => (one.objective_seconds === null ? "no bound" : `${one.objective_seconds} s`), "number"],
    ["Files", (one) => `${one.files} of ${one.files_of}`, "number"],
    ["Bytes", (one) => bytes(one.bytes), "number"],
    ["Signature", (one) => mark(...SIGNATURES[one.signature])],
  ];
  byId("drills-body").replaceChildren(drills.length > 0
    ? table("Drills, the newest first", columns, drills)
    : none("No drill was reported yet. `holdfast rehearse RELEASE --key FILE --into FOLDER` restores "
      + "a release into an empty folder, times it and leaves a signed report that is shown here."));
}
