// Builds the contracts and keeps the committed artefacts in abi/ equal to the sources.
//   node build.mjs           compile src/ and write abi/<Name>.json
//   node build.mjs --check   compile src/ and fail when abi/ or layout.json differs
//   node build.mjs --test    forge test; further arguments go to forge (e.g. --gas-report)
//   node build.mjs --gas     measure, write gas.json and fail when a row is above its limit;
//                            --gas --check also fails when the committed rows differ
//   node build.mjs --slither every finding of Slither must have its answer (see slither.mjs)
// Needs node_modules (npm ci) and nothing from the network. Forge is the one of node_modules; on
// a machine for which there is no package, FORGE names the program.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gas } from "./gas.mjs";
import { slither } from "./slither.mjs";

const NAMES = [
  "Token", "VaultFactory", "Vault", "PriceOracle", "Registry", "Escrow", "Airdrop",
  "Staking", "ProofOfStorage", "Disputes",
];
const HERE = dirname(fileURLToPath(import.meta.url));
const ABI = join(HERE, "abi");
const LAYOUT = join(HERE, "layout.json");
// The largest runtime code a chain accepts (EIP-170).
const CODE_MAX = 24_576;
// The artefacts are compiled apart from the tests: the set of files in one compiler run must not
// be able to change what is committed.
const OUT = join("out", "artefacts");
const CACHE = join("cache", "artefacts");

function stop(message) {
  process.stderr.write(`build.mjs: ${message}\n`);
  process.exit(1);
}

// The native program of this machine.
function forgePath() {
  if (process.env.FORGE) return process.env.FORGE;
  const os = process.platform === "win32" ? "win32" : process.platform;
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  const program = process.platform === "win32" ? "forge.exe" : "forge";
  const path = join(HERE, "node_modules", "@foundry-rs", `forge-${os}-${arch}`, "bin", program);
  if (!existsSync(path)) stop("forge is missing, run `npm ci` in this folder first (or set FORGE)");
  return path;
}

function forge(args, stdio, more) {
  const env = { ...process.env, FOUNDRY_DISABLE_NIGHTLY_WARNING: "1", ...more };
  const run = spawnSync(forgePath(), args, { cwd: HERE, stdio, env, encoding: "utf8" });
  if (run.error) stop(`forge did not start: ${run.error.message}`);
  return run;
}

function packageVersion(name) {
  const require = createRequire(import.meta.url);
  return require(`${name}/package.json`).version;
}

function compile() {
  const args = ["build", "src", "--force", "--out", OUT, "--cache-path", CACHE];
  args.push("--extra-output", "storageLayout");
  const run = forge(args, "pipe");
  if (run.status !== 0) stop(`the contracts do not compile:\n${run.stdout}${run.stderr}`);
}

// The settings are told once, in foundry.toml; the artefacts repeat them for their readers.
function setting(key) {
  const text = readFileSync(join(HERE, "foundry.toml"), "utf8");
  const line = new RegExp(`^${key} = (.*)$`, "m").exec(text);
  if (!line) stop(`foundry.toml does not set ${key}`);
  return JSON.parse(line[1]);
}

// Where each contract keeps its state, one line a variable and, indented, one a field of a struct
// it uses: a slot that moves shows in a diff. No proxy here outlives its code, but clients and
// proofs of storage may read slots.
function layouts() {
  const all = {};
  for (const name of NAMES) {
    const path = join(HERE, OUT, `${name}.sol`, `${name}.json`);
    const { storage, types } = JSON.parse(readFileSync(path, "utf8")).storageLayout;
    const line = (v) => `${v.slot}+${v.offset} ${types[v.type].label} ${v.label}`;
    const structs = Object.values(types ?? {}).filter((type) => type.members);
    all[name] = {
      storage: storage.map(line),
      ...Object.fromEntries(structs.map((s) => [s.label, s.members.map(line)]).sort()),
    };
  }
  return `${JSON.stringify(all, null, 2)}\n`;
}

// One artefact as text: fixed key order, two spaces, a newline at the end.
function artefact(name) {
  const built = JSON.parse(readFileSync(join(HERE, OUT, `${name}.sol`, `${name}.json`), "utf8"));
  const selectors = Object.entries(built.methodIdentifiers).sort(([a], [b]) => (a < b ? -1 : 1));
  const kept = {
    name,
    compiler: `solc ${packageVersion("solc")}`,
    settings: {
      evmVersion: setting("evm_version"),
      optimizer: { enabled: setting("optimizer"), runs: setting("optimizer_runs") },
      viaIR: setting("via_ir"),
      metadata: { bytecodeHash: setting("bytecode_hash"), appendCBOR: setting("cbor_metadata") },
      openzeppelin: packageVersion("@openzeppelin/contracts"),
    },
    abi: built.abi,
    bytecode: built.bytecode.object,
    deployedBytecode: built.deployedBytecode.object,
    methodIdentifiers: Object.fromEntries(selectors),
  };
  if (/__\$/.test(kept.bytecode)) stop(`${name} needs linking, which nobody does here`);
  return `${JSON.stringify(kept, null, 2)}\n`;
}

function write() {
  mkdirSync(ABI, { recursive: true });
  for (const name of NAMES) {
    const text = artefact(name);
    writeFileSync(join(ABI, `${name}.json`), text);
    const { bytecode, deployedBytecode } = JSON.parse(text);
    const sizes = [bytecode, deployedBytecode].map((hex) => (hex.length - 2) / 2);
    if (sizes[1] > CODE_MAX) stop(`${name} has ${sizes[1]} bytes of code, ${CODE_MAX} are allowed`);
    process.stdout.write(`${name}: creation ${sizes[0]} bytes, runtime ${sizes[1]} bytes\n`);
  }
}

function writeLayout() {
  writeFileSync(LAYOUT, layouts());
}

function check() {
  const wrong = [];
  for (const name of NAMES) {
    const path = join(ABI, `${name}.json`);
    if (!existsSync(path)) wrong.push(`abi/${name}.json is missing`);
    else if (readFileSync(path, "utf8") !== artefact(name)) wrong.push(`abi/${name}.json differs`);
  }
  const layout = existsSync(LAYOUT) ? readFileSync(LAYOUT, "utf8") : "";
  if (layout !== layouts()) wrong.push("layout.json differs");
  const known = new Set(NAMES.map((name) => `${name}.json`));
  const present = existsSync(ABI) ? readdirSync(ABI) : [];
  for (const file of present) if (!known.has(file)) wrong.push(`abi/${file} has no source`);
  if (wrong.length > 0) {
    stop(`artefacts and sources disagree; run \`node build.mjs\`:\n  ${wrong.join("\n  ")}`);
  }
  process.stdout.write(`abi/ equals the sources (${NAMES.length} contracts)\n`);
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === "--test") {
  process.exit(forge(["test", ...rest], "inherit").status ?? 1);
} else if (mode === "--gas") {
  const told = (message) => process.stderr.write(`build.mjs: ${message}\n`);
  process.exit(gas(HERE, forge, told, rest.includes("--check")) ? 0 : 1);
} else if (mode === "--slither") {
  const told = (message) => process.stderr.write(`build.mjs: ${message}\n`);
  process.exit(slither(HERE, forgePath(), told) ? 0 : 1);
} else if (mode === undefined || mode === "--check") {
  compile();
  if (mode === "--check") check();
  else {
    write();
    writeLayout();
  }
} else {
  stop(`unknown argument ${mode}; known: --check, --test, --gas, --slither`);
}
