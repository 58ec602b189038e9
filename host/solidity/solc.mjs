#!/usr/bin/env node
// The Solidity compiler as forge expects to find it: a program that answers `--version` and
// `--standard-json`. Behind it stands solc-js from node_modules (WebAssembly, no network).
// Enters: a standard JSON request on stdin. Leaves: the standard JSON answer on stdout.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(import.meta.url);

function answer() {
  const wanted = process.argv.slice(2);
  if (wanted.includes("--version")) {
    // forge parses the line that starts with "Version:", so the shape of the native tool is kept.
    const solc = require("solc");
    const version = solc.version().replace(".Emscripten.clang", ".Linux.g++");
    return `solc, the solidity compiler commandline interface\nVersion: ${version}\n`;
  }
  if (wanted.includes("--standard-json")) {
    const solc = require("solc");
    return solc.compile(readFileSync(0, "utf8"));
  }
  process.stderr.write(`only --version and --standard-json are known, got: ${wanted.join(" ")}\n`);
  process.exit(2);
}

process.stdout.write(answer());
