// Runs Slither over src/ and compares what it finds with the answers of the decision record.
// Enters: the folder, the forge program. Leaves: true when every finding has an answer and every
// answer a finding. Needs Slither (PyPI: slither-analyzer 0.11.6), as `slither` on the PATH or
// named by SLITHER. It works on a copy of src/ in a temporary folder, so that what it builds
// cannot disturb out/ and cache/.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

const RECORD = join("docs", "decisions", "0006-slither-findings.md");

// A finding without line numbers, which move: `detector Contract.function` or one level deeper.
function nameOf(finding) {
  const path = [];
  for (let at = finding.elements[0]; at; at = at.type_specific_fields?.parent) {
    if (at.name !== undefined && !at.name.endsWith(".sol")) path.unshift(at.name);
  }
  return `${finding.check} ${path.join(".")}`;
}

// The rows of the record: | `detector Contract.function` | answer |
function answersIn(text) {
  const rows = text.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm);
  return new Map([...rows].map(([, finding, answer]) => [finding, answer]));
}

function run(here, forge, report) {
  const copy = mkdtempSync(join(tmpdir(), "slither-"));
  for (const name of ["src", "foundry.toml", "solc.mjs", "slither.config.json"]) {
    cpSync(join(here, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(here, "node_modules"), join(copy, "node_modules"));
  const env = {
    ...process.env,
    PATH: `${dirname(forge)}${delimiter}${process.env.PATH}`,
    FOUNDRY_DISABLE_NIGHTLY_WARNING: "1",
  };
  const json = join(copy, "report.json");
  const program = process.env.SLITHER ?? "slither";
  const done = spawnSync(program, [".", "--json", json], { cwd: copy, env, encoding: "utf8" });
  const text = existsSync(json) ? readFileSync(json, "utf8") : undefined;
  rmSync(copy, { recursive: true });
  if (done.error) {
    report(
      `slither did not start (${done.error.message}); it is on PyPI:\n` +
        "  python3 -m venv ENV && ENV/bin/pip install slither-analyzer==0.11.6\n" +
        "  SLITHER=ENV/bin/slither node build.mjs --slither",
    );
    return undefined;
  }
  const found = text === undefined ? { success: false, error: done.stderr } : JSON.parse(text);
  if (found.success) return found.results.detectors ?? [];
  report(`slither failed:\n${found.error ?? done.stderr}`);
  return undefined;
}

// Whether findings and answers agree; tells `report` each difference.
export function slither(here, forge, report) {
  const findings = run(here, forge, report);
  if (findings === undefined) return false;
  const answers = answersIn(readFileSync(join(here, "..", "..", RECORD), "utf8"));
  const names = new Map(findings.map((one) => [nameOf(one), one]));
  const open = [...names].filter(([name]) => !answers.has(name));
  const stale = [...answers.keys()].filter((name) => !names.has(name));
  for (const [name, one] of open) report(`no answer: \`${name}\` (${one.impact})\n${one.description}`);
  for (const name of stale) report(`answer without a finding: \`${name}\``);
  process.stdout.write(`slither: ${names.size} findings, ${open.length} without an answer\n`);
  return open.length === 0 && stale.length === 0;
}
