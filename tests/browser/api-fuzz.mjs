// Odd questions to a running host: schemathesis makes thousands of requests from the document the
// host serves and checks every answer against it.
//
// Enters: PROGRAMS (the folder of our programs), EXAMPLES (requests a route, 50 unless given).
// Leaves: what schemathesis found, and its status. Needs python3 with venv; schemathesis comes from
// PyPI into target/tools at the version of requirements.txt, which is said first. Left out are
// routes that would end the host or write files where they are told to: restart, backup, diagnose.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { startDemo } from "./demo.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const tool = join(root, "target", "tools", "schemathesis");
const LEFT_OUT = ["/api/v1/restart", "/api/v1/backup", "/api/v1/diagnose", "/api/v1/events"];
const CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance",
  "response_schema_conformance", "negative_data_rejection"];

/** Brings schemathesis where it is missing. */
function bring() {
  const program = join(tool, "bin", "schemathesis");
  if (!existsSync(program)) {
    console.log("api-fuzz: schemathesis is missing, bringing it from PyPI into target/tools");
    execFileSync("python3", ["-m", "venv", tool], { stdio: "inherit" });
    const words = ["install", "--quiet", "--requirement", join(here, "requirements.txt")];
    execFileSync(join(tool, "bin", "pip"), words, { stdio: "inherit" });
  }
  return program;
}

/** The operator's token of the host that listens at an origin. */
function operatorToken(dir, origin) {
  const found = readdirSync(dir, { recursive: true }).filter((path) => path.endsWith("api.addr"));
  const own = found.find((path) => `http://${readFileSync(join(dir, path), "utf8").trim()}` === origin);
  return readFileSync(join(dir, dirname(own), "api.token"), "utf8").trim();
}

const program = bring();
const demo = startDemo();
try {
  const { origin, dir } = await demo.ready;
  const words = ["run", `${origin}/api/v1/openapi.json`, "--url", origin,
    "--header", `Authorization: Bearer ${operatorToken(dir, origin)}`,
    "--checks", CHECKS.join(","), "--max-examples", process.env.EXAMPLES ?? "50",
    "--phases", "coverage,fuzzing", "--seed", "1", "--continue-on-failure", "--no-color",
    ...LEFT_OUT.flatMap((path) => ["--exclude-path", path])];
  process.exitCode = spawnSync(program, words, { stdio: "inherit", cwd: dirname(tool) }).status ?? 1;
} catch (error) {
  console.log(`FAILED  ${error.message}`);
  process.exitCode = 1;
} finally {
  await demo.stop();
}
