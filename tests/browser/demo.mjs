// A small whole network, run by `holdfast demo`, for programs that look at a host from outside.
//
// Enters: PROGRAMS, the folder of our programs. Leaves: the first host's address and the login the
// demo made for it. The network and its directory go with `stop`.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START_LIMIT = 120_000;
const STOP_LIMIT = 20_000;
const programs = process.env.PROGRAMS ?? "target/release";

/** Starts the demo; `ready` holds `{ origin, token, dir }` once it printed its login. */
export function startDemo() {
  const dir = mkdtempSync(join(tmpdir(), "holdfast-browser-"));
  const file = join(dir, "file");
  writeFileSync(file, Buffer.alloc(256 * 1024, "dashboard"));
  const words = ["demo", "--hosts", "3", "--kill", "0", "--data", "1", "--parity", "2",
    "--file", file, "--dir", join(dir, "network")];
  const demo = spawn(join(programs, "holdfast"), words, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  const ready = new Promise((done, fail) => {
    const late = setTimeout(() => fail(new Error(`the demo printed no login:\n${said}`)), START_LIMIT);
    const end = (why) => {
      clearTimeout(late);
      why instanceof Error ? fail(why) : done(why);
    };
    demo.stderr.on("data", (bytes) => {
      said += bytes;
      const address = /dashboard\s+(http:\/\/\S+)\/dashboard/.exec(said);
      const login = /login\s+(hft_[0-9a-f]{8}_[0-9a-f]{64})\s/.exec(said);
      if (address && login) end({ origin: address[1], token: login[1], dir: join(dir, "network") });
    });
    demo.on("error", end);
    demo.on("exit", (code) => end(new Error(`the demo ended with ${code}:\n${said}`)));
  });
  const stop = async () => {
    if (demo.exitCode === null && demo.pid) {
      const gone = new Promise((done) => demo.once("exit", done));
      demo.kill("SIGINT");
      const killed = setTimeout(() => demo.kill("SIGKILL"), STOP_LIMIT);
      await gone;
      clearTimeout(killed);
    }
    rmSync(dir, { recursive: true, force: true });
  };
  return { ready, stop };
}
