// The dashboard and the renter's page in headless Chromium, against a whole network that
// `holdfast demo` runs.
//
// Enters: PROGRAMS (the folder of our programs), SHOTS (where screenshots go). Leaves: a line a
// fact, screenshots, and a last line `N passed, N failed`. Each fact stands for itself; a failed one
// does not stop the others. Everything started here ends with this process.

import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

import { startDemo } from "./demo.mjs";
import { renterFacts } from "./renter.mjs";

const LIMIT = 30_000;
const require = createRequire(import.meta.url);
const shots = process.env.SHOTS ?? "target/browser";
const browserPath = process.env.CHROMIUM ?? "/usr/bin/chromium";
let passed = 0;
let failed = 0;

async function fact(what, check) {
  try {
    await check();
    passed += 1;
    console.log(`ok      ${what}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${what}: ${error.message}`);
  }
}

function hold(what, holds) {
  if (!holds) throw new Error(what);
}

async function login(page, origin, token) {
  await page.goto(`${origin}/dashboard`);
  await page.getByLabel("Access token", { exact: true }).fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** Waits until every part of the page says something. */
async function settled(page) {
  await page.locator("#config-body table").waitFor();
  await page.locator("#history-body > *").first().waitFor();
  await page.locator("#health-body table").waitFor();
}

/** Serious and critical findings of axe, in words. */
async function axe(page) {
  const source = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
  // As a debugger does it: the page's own policy lets no other script in.
  await page.evaluate(source);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const grave = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
  return grave.map((one) => `${one.id} (${one.nodes.length}): ${one.nodes[0].html.slice(0, 160)}`);
}

async function run(browser, { origin, token }) {
  const outside = [];
  const broken = [];
  const open = async (options) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
    context.setDefaultTimeout(LIMIT);
    const page = await context.newPage();
    page.on("request", (request) => {
      if (!request.url().startsWith(origin)) outside.push(request.url());
    });
    page.on("pageerror", (error) => broken.push(error.message));
    return page;
  };
  const desk = await open({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });

  await fact("without a login the page shows nothing of the host", async () => {
    await desk.goto(`${origin}/`);
    hold("the board is visible", !(await desk.locator("#board").isVisible()));
    hold("it asks the API", !(await desk.content()).includes("hft_"));
  });
  await fact("the login has no serious fault for anybody", async () => {
    const found = await axe(desk);
    hold(found.join("; "), found.length === 0);
  });
  await fact("a wrong token opens nothing and says so", async () => {
    await login(desk, origin, `hft_00000000_${"0".repeat(64)}`);
    await desk.getByText("opens nothing here").waitFor();
    hold("the board is visible", !(await desk.locator("#board").isVisible()));
  });
  await fact("the token of the demo opens it, by keyboard alone", async () => {
    await desk.reload();
    await desk.keyboard.type(token);
    await desk.keyboard.press("Enter");
    await settled(desk);
    const who = await desk.locator("#who").textContent();
    hold(who, who.includes("dashboard (read)"));
  });
  const shown = {
    health: /chain, silence/, machine: /Neighbour tables[\s\S]*Memory thresholds|Memory thresholds/,
    drives: /Volumes/, agreements: /Open agreements|none open/, proofs: /\S/,
    earnings: /promised by cheques/, score: /\S/, peers: /connections now/, events: /time/,
    config: /api\.cors\.origins/, alerts: /\S/, history: /\S/,
  };
  for (const [part, words] of Object.entries(shown)) {
    await fact(`the page shows ${part}`, async () => {
      const text = await desk.locator(`#${part}-body`).innerText();
      hold(text.slice(0, 200), words.test(text));
    });
  }
  await fact("the token stands nowhere a page could leave it", async () => {
    const left = await desk.evaluate(() =>
      JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, location.href]));
    hold(left, !left.includes("hft_") && left.startsWith('["",{},{}'));
    hold("in the page", !(await desk.content()).includes(token));
  });
  await fact("in light it has no serious fault for anybody", async () => {
    await desk.screenshot({ path: join(shots, "desk-light.png"), fullPage: true });
    const found = await axe(desk);
    hold(found.join("; "), found.length === 0);
  });
  await fact("in dark it has no serious fault for anybody", async () => {
    await desk.emulateMedia({ colorScheme: "dark" });
    await desk.waitForTimeout(300);
    await desk.screenshot({ path: join(shots, "desk-dark.png"), fullPage: true });
    const found = await axe(desk);
    hold(found.join("; "), found.length === 0);
  });
  await fact("charts draw what the box remembers", async () => {
    // A young box has no history: the answer of an old one is put in its place.
    await desk.route("**/api/v1/history*", (route) => route.fulfill({ json: remembered() }));
    await desk.locator("#span").selectOption("180");
    const charts = desk.locator("#history-body canvas[role=img]");
    await charts.first().waitFor();
    hold("charts", (await charts.count()) >= 6);
    const said = await charts.first().getAttribute("aria-label");
    hold(said, said.includes("last"));
    await desk.screenshot({ path: join(shots, "desk-charts.png"), fullPage: true });
    const found = await axe(desk);
    hold(found.join("; "), found.length === 0);
  });
  await fact("a new event comes by itself", async () => {
    const other = await fetch(`${origin}/api/v1/caller`, {
      headers: { authorization: "Bearer hft_wrong" },
    });
    hold("the wrong token was taken", other.status === 401);
    await desk.locator("#events-body", { hasText: "wrong credentials" }).waitFor();
  });
  const phone = await open({
    viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2,
  });
  await fact("on a phone nothing is wider than the screen", async () => {
    await login(phone, origin, token);
    await settled(phone);
    const wide = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    await phone.screenshot({ path: join(shots, "phone.png"), fullPage: true });
    hold(`${wide} pixels too wide`, wide <= 0);
    const found = await axe(phone);
    hold(found.join("; "), found.length === 0);
  });
  await fact("a page of another origin is turned away in words", async () => {
    await desk.getByText("Add a host").click();
    await desk.locator("#add-address").fill(origin.replace("127.0.0.1", "localhost"));
    await desk.locator("#add-token").fill(token);
    await desk.getByRole("button", { name: "Add", exact: true }).click();
    await desk.getByText("cannot be reached").waitFor();
  });
  await fact("logging out forgets everything shown", async () => {
    await desk.getByRole("button", { name: "Log out" }).click();
    await desk.getByLabel("Access token", { exact: true }).waitFor();
    hold("something is left", (await desk.locator("#health-body").textContent()) === "");
  });
  await fact("nothing was asked of anybody else", async () => {
    const foreign = outside.filter((url) => !url.startsWith(origin.replace("127.0.0.1", "localhost")));
    hold(foreign.join(", "), foreign.length === 0);
  });
  await fact("no script of the page failed", async () => hold(broken.join("; "), broken.length === 0));
}

/** A day of history, made up. */
function remembered() {
  const to = Math.floor(Date.now() / 60_000);
  const minutes = Array.from({ length: 300 }, (_, at) => to - 300 + at);
  const fields = ["level", "own_mib", "left_mib", "some_ms", "io_ms", "v4_entries", "v4_fulls",
    "v6_entries", "v6_fulls", "stuck", "load_hundredths", "drive_us"];
  const values = fields.map((_, field) =>
    minutes.map((minute) => (minute % 97 < 3 ? null : Math.round(100 * (field + 1) * (1 + Math.sin(minute / 20))))));
  return { from: to - 300, to, step: 1, fields, minutes, values };
}

mkdirSync(shots, { recursive: true });
const demo = startDemo();
let browser = null;
try {
  const where = await demo.ready;
  browser = await chromium.launch({
    executablePath: browserPath,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
  await run(browser, where);
  await renterFacts(browser, where.dir, { fact, hold, axe, shots });
} catch (error) {
  failed += 1;
  console.log(`FAILED  ${error.message}`);
} finally {
  await browser?.close();
  await demo.stop();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
