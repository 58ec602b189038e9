// Measures the everyday transactions and writes them to gas.json. Enters: the folder and a way to
// run forge. Leaves: true when every row is within its limit (and, when only checking, equals the
// committed file). A row is one whole transaction of a test named test_gas_*: 21,000 and calldata
// included, refunds taken off, storage as cold as on a chain (forge runs each call apart).
// eip7623 is what the same transaction costs where calldata has that floor (10 a zero byte, 40
// another one): a figure beside the row, no limit.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// What each row may cost at most. The first seven are the goals of the product; the others are
// held where they stand, with some room.
//
// cash_cheque misses its goal (MISSED): about 59,000 of it is fixed by the ABI it shares with BTFS
// and by the payout promise; README.md has the parts. It is held where it stands.
const LIMITS = {
  cash_cheque: 66_500,
  cash_batch_each: 45_000,
  prove_k10_1000_mixed: 350_000,
  prove_k10_1000_4mib: 350_000,
  prove_k10_1000_64mib: 400_000,
  commit_1000: 150_000,
  stake: 80_000,
  commit_1000_merging_all: 150_000,
  prove_k10_10_1mib: 320_000,
  prove_k10_131072_1mib: 450_000,
  escrow_release: 150_000,
  seal: 60_000,
  report_miss: 190_000,
  challenge_shard: 260_000,
  request_unstake: 60_000,
  withdraw_stake: 80_000,
};

// Goals that are not reached: told at every run, and a reason to look again.
const MISSED = { cash_cheque: 60_000 };

function rowsOf(snapshot) {
  const rows = [];
  for (const [name, limit] of Object.entries(LIMITS)) {
    const value = (key) => (key in snapshot ? Number(snapshot[key]) : undefined);
    const gas = value(name);
    if (gas === undefined) continue;
    const calldata = value(`${name}.calldata`);
    const row = { name, gas, limit, eip7623: value(`${name}.eip7623`), calldata };
    if (name in MISSED) row.goal = MISSED[name];
    rows.push(row);
  }
  return rows;
}

// Runs the measurements; `forge` runs forge with arguments and more environment, `report` tells.
export function gas(here, forge, report, onlyCheck) {
  const folder = join("cache", "gas");
  rmSync(join(here, folder), { recursive: true, force: true });
  const args = ["test", "--isolate", "--match-test", "^test_gas_"];
  const run = forge(args, "pipe", { FOUNDRY_SNAPSHOTS: folder });
  if (run.status !== 0) {
    report(`the measurements failed:\n${run.stdout}${run.stderr}`);
    return false;
  }
  const snapshot = JSON.parse(readFileSync(join(here, folder, "gas.json"), "utf8"));
  const rows = rowsOf(snapshot);
  const known = (key) => key.split(".")[0] in LIMITS || key === "cash_batch_20";
  let good = true;
  const fault = (text) => {
    report(text);
    good = false;
  };
  for (const key of Object.keys(snapshot)) if (!known(key)) fault(`row ${key} has no limit`);
  for (const name of Object.keys(LIMITS)) {
    if (!(name in snapshot)) fault(`row ${name} was not measured`);
  }
  for (const { name, gas: used, limit, eip7623, goal } of rows) {
    const missed = goal === undefined ? "" : `; the goal of ${goal} is missed`;
    process.stdout.write(`${name}: ${used} of ${limit} gas, ${eip7623} by EIP-7623${missed}\n`);
    if (used > limit) fault(`${name} costs ${used} gas, the limit is ${limit}`);
  }
  const path = join(here, "gas.json");
  const lines = rows.map((row) => `    ${JSON.stringify(row)}`);
  const text = `{\n  "evm": "paris",\n  "rows": [\n${lines.join(",\n")}\n  ]\n}\n`;
  if (!onlyCheck) writeFileSync(path, text);
  else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
    fault("gas.json differs; run `node build.mjs --gas`");
  }
  return good;
}
