// The renter's page in headless Chromium: a gateway over the network of the demo, with the demo's
// own renter, and a person who browses, uploads, verifies and deletes.
//
// Enters: the folder of the running network, the browser, and what holds facts (run.mjs). Leaves:
// facts and screenshots. The gateway ends with this process.

import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const LIMIT = 60_000;
const programs = process.env.PROGRAMS ?? "target/release";
const holdfast = join(programs, "holdfast");
const SHAPE = ["--data", "1", "--parity", "2", "--days", "1"];

/** Runs a command of the renter; gives what it says as JSON. */
async function say(home, words) {
  const env = { ...process.env, HOLDFAST_HOME: home };
  const { stdout } = await promisify(execFile)(holdfast, words, { env, timeout: 2 * LIMIT });
  return words.includes("--json") ? JSON.parse(stdout) : stdout;
}

/** Starts a gateway with the page; `origin` is where the page is. */
async function startGateway(home) {
  const words = ["gateway", "--listen", "127.0.0.1:0", "--page", "127.0.0.1:0", "--until-stdin-ends"];
  const env = { ...process.env, HOLDFAST_HOME: home };
  const child = spawn(holdfast, [...words, ...SHAPE], { env, stdio: ["pipe", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (bytes) => { log += bytes; });
  const line = await new Promise((done, fail) => {
    const late = setTimeout(() => fail(new Error(`the gateway is not ready:\n${log}`)), LIMIT);
    createInterface({ input: child.stdout }).once("line", (text) => {
      clearTimeout(late);
      done(text);
    });
    child.once("exit", (code) => fail(new Error(`the gateway ended with ${code}:\n${log}`)));
  });
  const stop = async () => {
    if (child.exitCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.stdin.end();
    await gone;
  };
  return { origin: `http://${JSON.parse(line).page}`, stop };
}

/** A release, shown and rehearsed; gives its publisher's key file's folder. */
async function publish(home, dir) {
  const tree = join(dir, "tree");
  const out = join(dir, "out");
  mkdirSync(tree, { recursive: true });
  writeFileSync(join(tree, "tool.bin"), Buffer.alloc(300_000, "tool"));
  writeFileSync(join(tree, "README <b>.txt"), "read me\n");
  const { release } = await say(home, ["publish", tree, "--out", out, "--name", "tool",
    "--version", "1.0", "--json", ...SHAPE]);
  await say(home, ["gateway", "show", release]);
  await say(home, ["rehearse", release, "--key", join(out, "publish.pub"), "--into", join(dir, "scratch")]);
}

/** Every fact of the renter's page. `tools`: fact, hold, axe, shots. */
export async function renterFacts(browser, network, tools) {
  const { fact, hold, axe, shots } = tools;
  const home = join(network, "renter");
  const gateway = await startGateway(home);
  const { origin } = gateway;
  try {
    const key = await say(home, ["gateway", "make-key", "me", "--json"]);
    const reader = await say(home, ["gateway", "make-key", "reader", "--bucket", "paper",
      "--read-only", "--json"]);
    await publish(home, join(network, "page"));
    await facts({ browser, origin, key, reader, fact, hold, axe, shot: (name) => join(shots, name) });
  } finally {
    await gateway.stop();
  }
}

async function signIn(page, origin, key) {
  await page.goto(`${origin}/`);
  await page.getByLabel("Access key").fill(key.access_key);
  await page.getByLabel("Secret key").fill(key.secret_key);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function facts({ browser, origin, key, reader, fact, hold, axe, shot }) {
  const outside = [];
  const broken = [];
  const open = async (options) => {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(LIMIT);
    const page = await context.newPage();
    page.on("request", (request) => {
      if (!request.url().startsWith(origin) && !request.url().startsWith("blob:")) outside.push(request.url());
    });
    page.on("pageerror", (error) => broken.push(error.message));
    page.on("console", (said) => {
      if (/Content Security Policy|Trusted/.test(said.text())) broken.push(said.text());
    });
    page.on("dialog", (dialog) => {
      broken.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    return page;
  };
  const desk = await open({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
  const calm = async (page, name) => {
    if (name) await page.screenshot({ path: shot(name), fullPage: true });
    const found = await axe(page);
    hold(found.join("; "), found.length === 0);
  };
  const visit = async (page, name) => {
    await page.getByRole("navigation").getByRole("link", { name }).click();
    await page.locator("#standing").filter({ hasText: /^$/ }).waitFor({ state: "attached" });
  };

  await fact("renter: a wrong secret opens nothing, says so and is not kept", async () => {
    await signIn(desk, origin, { ...key, secret_key: "wrong" });
    await desk.getByText("no access key of this id has this secret").waitFor();
    hold("the views are visible", !(await desk.locator("#views").isVisible()));
    hold("the secret stays", (await desk.getByLabel("Secret key").inputValue()) === "");
    await calm(desk, "renter-sign-in.png");
  });
  await fact("renter: an access key opens the page and no script sees the session", async () => {
    await signIn(desk, origin, key);
    await desk.getByText("reaches no bucket yet").waitFor();
    const left = await desk.evaluate(() =>
      JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, location.href]));
    hold(left, left.startsWith('["",{},{}') && !left.includes(key.secret_key));
    const cookies = await desk.context().cookies();
    hold(JSON.stringify(cookies), cookies.length === 1 && cookies[0].httpOnly && cookies[0].sameSite === "Strict");
  });
  await fact("renter: a bucket is made and entered", async () => {
    await desk.getByText("Make a bucket").click();
    await desk.getByLabel("Name").fill("paper");
    await desk.getByRole("button", { name: "Make" }).click();
    await desk.getByRole("link", { name: "paper" }).click();
    await desk.getByText("Nothing is here yet").waitFor();
  });
  const large = Buffer.alloc(3_000_001, "renter's page ");
  const sha256 = createHash("sha256").update(large).digest("hex");
  const hostile = "<img src=x onerror=alert(1)>.html";
  await fact("renter: files are hashed, sent with progress and stored", async () => {
    const moved = desk.evaluate(() => new Promise((done) => {
      const look = new MutationObserver(() => {
        if (/sent/.test(document.querySelector("#uploads")?.textContent)) done(true);
      });
      look.observe(document.querySelector("#uploads"), { subtree: true, childList: true, characterData: true });
    }));
    await desk.getByLabel("Files").setInputFiles([
      { name: "large.bin", mimeType: "application/octet-stream", buffer: large },
      { name: hostile, mimeType: "text/html", buffer: Buffer.from("<script>alert(2)</script>") },
    ]);
    await desk.getByRole("button", { name: "Upload" }).click();
    hold("no progress was shown", await moved);
    await desk.locator("#uploads li", { hasText: "stored" }).nth(1).waitFor();
    hold("another digest", (await desk.locator("#uploads").innerText()).includes(sha256));
  });
  await fact("renter: a hostile key is text and nothing else", async () => {
    await desk.locator("#browse-body").getByRole("link", { name: hostile }).waitFor();
    hold("an image stands in the page", (await desk.locator("img").count()) === 0);
    await calm(desk, "renter-keys.png");
  });
  await fact("renter: what is there is replaced only when asked", async () => {
    const again = { name: "large.bin", mimeType: "application/octet-stream", buffer: large };
    await desk.getByLabel("Files").setInputFiles([again]);
    await desk.getByRole("button", { name: "Upload" }).click();
    await desk.locator("#uploads li", { hasText: "say that it is to be replaced" }).waitFor();
  });
  await fact("renter: an object tells what is known and hosts are asked on demand", async () => {
    await desk.getByRole("link", { name: "large.bin" }).click();
    // The list says the same of its rows until the object's own view has taken its place.
    const look = desk.getByRole("button", { name: "Look now" });
    await look.waitFor();
    await desk.getByText("not looked at yet").first().waitFor();
    await look.click();
    await desk.getByText(/: (\d+) alive of \1$/).waitFor();
    await desk.locator(".mark.pass", { hasText: "well" }).waitFor();
  });
  await fact("renter: the browser verifies an object against its recorded digest", async () => {
    await desk.getByRole("button", { name: "Verify here" }).click();
    await desk.locator(".mark.pass", { hasText: "verified" }).waitFor();
    const said = await desk.locator("#browse-body .verdict").innerText();
    hold(said, said.includes(sha256));
    await calm(desk, "renter-object.png");
  });
  await fact("renter: verified bytes are saved as they were", async () => {
    const saving = desk.waitForEvent("download");
    await desk.getByRole("link", { name: "Save the verified bytes" }).click();
    const saved = await (await saving).createReadStream();
    const hash = createHash("sha256");
    for await (const run of saved) hash.update(run);
    hold("other bytes", hash.digest("hex") === sha256);
  });
  await fact("renter: changed bytes are found out", async () => {
    const changed = Buffer.from(large);
    changed[7] ^= 1;
    await desk.route("**/api/body*", (route) => route.fulfill({ body: changed }));
    await desk.getByRole("button", { name: "Verify here" }).click();
    await desk.locator(".mark.fail", { hasText: "differs" }).waitFor();
    await desk.unroute("**/api/body*");
  });
  await fact("renter: bytes of an object never become a page", async () => {
    const answer = await desk.request.get(`${origin}/api/body`, { params: { bucket: "paper", key: hostile } });
    const headers = answer.headers();
    hold(JSON.stringify(headers), answer.status() === 200
      && headers["content-disposition"].startsWith("attachment")
      && headers["content-security-policy"].includes("sandbox"));
  });
  await fact("renter: an object is deleted after a question", async () => {
    await desk.getByRole("button", { name: "Delete" }).click();
    await calm(desk, "renter-delete.png");
    await desk.getByRole("button", { name: "No, keep it" }).click();
    await desk.getByRole("button", { name: "Delete" }).click();
    await desk.locator("#ask-yes").click();
    await desk.locator("#browse-body").getByRole("link", { name: hostile }).waitFor();
    hold("it is still listed", (await desk.getByRole("link", { name: "large.bin" }).count()) === 0);
  });
  await fact("renter: costs are told to the smallest unit", async () => {
    await visit(desk, "Costs");
    await desk.locator("#costs-body table").first().waitFor();
    const text = await desk.locator("#costs-body").innerText();
    hold(text.slice(0, 300), /vault covers|vault lacks/.test(text) && /Reading everything once/.test(text));
    await calm(desk, "renter-costs.png");
  });
  await fact("renter: the browser checks a release's signature and a file's digest", async () => {
    await visit(desk, "Releases");
    await desk.getByRole("link", { name: "tool 1.0" }).click();
    await desk.getByText("checked the manifest's signature with the key this gateway names").waitFor();
    await desk.getByRole("button", { name: "Verify tool.bin" }).click();
    await desk.locator(".mark.pass", { hasText: "verified" }).waitFor();
    hold("the manifest", /as the signed manifest says/.test(await desk.locator("#releases-body").innerText()));
    await calm(desk, "renter-release.png");
  });
  await fact("renter: with another publisher's key the signature does not hold", async () => {
    const other = `ssh-ed25519 ${Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from("ssh-ed25519"),
      Buffer.from([0, 0, 0, 32]), Buffer.alloc(32, 7)]).toString("base64")} other`;
    await desk.getByText("Check with a key of your own").click();
    await desk.getByLabel("Publisher's key").fill(other);
    await desk.getByRole("button", { name: "Check again" }).click();
    await desk.getByText("signed with another key").waitFor();
  });
  await fact("renter: drills are shown with what their signature is worth", async () => {
    await visit(desk, "Drills");
    await desk.locator("#drills-body .mark.pass", { hasText: "this renter's" }).waitFor();
    await calm(desk, "renter-drills.png");
  });
  await fact("renter: in dark it has no serious fault for anybody", async () => {
    await desk.emulateMedia({ colorScheme: "dark" });
    await visit(desk, "Objects");
    await desk.getByRole("link", { name: "paper" }).click();
    await desk.locator("#browse-body").getByRole("link", { name: hostile }).click();
    await desk.getByText("Where its bytes are").waitFor();
    await calm(desk, "renter-dark.png");
  });
  const phone = await open({
    viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2,
  });
  await fact("renter: a key to one bucket that only reads sees that and no more", async () => {
    await signIn(phone, origin, reader);
    await phone.getByRole("link", { name: "paper" }).click();
    await phone.getByRole("link", { name: hostile }).click();
    await phone.getByText("Where its bytes are").waitFor();
    hold("it may delete", (await phone.getByRole("button", { name: "Delete" }).count()) === 0);
    hold("it may upload", !(await phone.locator("#upload").isVisible()));
    const wide = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    await calm(phone, "renter-phone.png");
    hold(`${wide} pixels too wide`, wide <= 0);
    await visit(phone, "Drills");
    await phone.getByText("this key is for some buckets").waitFor();
  });
  await fact("renter: another origin cannot act with the session", async () => {
    const port = Number(new URL(origin).port);
    const status = await desk.request.post(`${origin}/api/buckets?bucket=stolen`, {
      headers: { origin: `http://127.0.0.1:${port + 1}` } });
    hold(`answered ${status.status()}`, status.status() === 403);
  });
  await fact("renter: signing out ends the session and forgets what was shown", async () => {
    await desk.getByRole("button", { name: "Sign out" }).click();
    await desk.getByLabel("Access key").waitFor();
    hold("something is left", (await desk.locator("#browse-body").textContent()) === "");
    const after = await desk.request.get(`${origin}/api/buckets`);
    hold(`answered ${after.status()}`, after.status() === 401);
  });
  await fact("renter: nothing was asked of anybody else", async () => hold(outside.join(", "), outside.length === 0));
  await fact("renter: no script of the page failed", async () => hold(broken.join("; "), broken.length === 0));
}
