// Tries the console in a browser: the whole story of an update, on a desktop and on a telephone, light and dark. Fails at the first
// thing that is not there, at an error in the page, and at each violation that axe finds.
//
// usage: node console.mjs UCUPDATE FOLDER      (screenshots go to FOLDER; needs playwright-core and @axe-core/playwright)
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

// Modules are looked for where the caller installed them.
const require = createRequire(join(process.env.CONSOLE_MODULES || process.cwd(), "x.js"));
const { chromium } = require("playwright-core");
const { AxeBuilder } = require("@axe-core/playwright");

const program = resolve(process.argv[2]);
const shots = resolve(process.argv[3] || "screenshots");
mkdirSync(shots, { recursive: true });
const place = mkdtempSync(join(tmpdir(), "console-"));
const RULE = "UCPhone/LG-Nortel/IP8540/A/ENU/CPE";

const run = (...args) => execFileSync(program, args, { cwd: place, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
const token = (name, role) => run("token", "add", name, "--role", role, "--token-file", "tokens.json").trim();
const check = (holds, what) => { if (!holds) throw new Error("not so: " + what); };

const ann = token("ann", "approver");
const bob = token("bob", "approver");
const vic = token("vic", "viewer");
run("sample", "made");
const server = spawn(program, ["serve", "--create", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--token-file", "tokens.json"],
  { cwd: place, stdio: ["ignore", "pipe", "pipe"] });
let errors = "";
server.stderr.on("data", (data) => { errors += data; });
const lines = [];
for await (const line of createInterface({ input: server.stdout })) {
  lines.push(line);
  if (line.startsWith("administration on ")) break;
}
const devices = lines[0].replace("listening on ", "");
const site = lines.find((line) => line.startsWith("administration on ")).replace("administration on ", "");

const ask = (version) => run("ask", "--url", devices, "--as-the-device", "--mac", "00-21-63-0F-20-7B", "--device-type", "UCPhone", "--vendor", "LG-Nortel",
  "--model", "IP8540", "--hardware-revision", "A", "--locale", "ENU", "--version", version);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
let failed = 0;

async function open(bearer, width, colorScheme) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, timezoneId: "Europe/Lisbon", locale: "en-GB" });
  const page = await context.newPage();
  page.setDefaultTimeout(10000);
  page.on("pageerror", (error) => { failed++; console.log("error in the page: " + error); });
  page.on("console", (message) => {
    const expected = /status of 4\d\d/.test(message.text());
    if (message.type() === "error" && !expected) { failed++; console.log("in the console: " + message.text()); }
  });
  await page.goto(site);
  await page.getByLabel("Token").fill(bearer);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation").waitFor();
  return page;
}

const go = async (page, name) => {
  await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { level: 1 }).first().waitFor();
  await page.waitForFunction(() => !document.getElementById("main").hasAttribute("aria-busy"));
};

async function look(page, name) {
  await page.screenshot({ path: join(shots, name + ".png"), fullPage: true });
  const found = await new AxeBuilder({ page }).analyze();
  for (const violation of found.violations) {
    failed++;
    console.log(`axe, ${name}: ${violation.id}: ${violation.help}: ${violation.nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) { failed++; console.log(`${name}: ${wide} pixels too wide`); }
}

async function lookAtAll(step) {
  const names = ["Overview", "Updates", "Rollouts", "Devices", "Test devices", "History", "Packages"];
  for (const [width, scheme] of [[1280, "light"], [1280, "dark"], [400, "light"], [400, "dark"]]) {
    const page = await open(ann, width, scheme);
    for (const name of names) {
      await go(page, name);
      await look(page, `${step}-${name.replaceAll(" ", "-").toLowerCase()}-${width}-${scheme}`);
    }
    await page.context().close();
  }
}

const dialog = (page) => page.getByRole("dialog");

try {
  // Signing in: a wrong token says so.
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto(site);
  await stranger.getByLabel("Token").fill("ucu_wrong");
  await stranger.getByRole("button", { name: "Sign in" }).click();
  await stranger.getByText("the token is not known").waitFor();
  await look(stranger, "0-sign-in-1280-light");
  await stranger.context().close();

  await lookAtAll("1-empty");
  const page = await open(ann, 1280, "light");

  // A package: first what it would change.
  await go(page, "Packages");
  const cabinet = join(place, "made", "UCUpdates.cab");
  await page.getByLabel("A package").setInputFiles(cabinet);
  await dialog(page).getByText("This would be done:").waitFor();
  await look(page, "2-upload-1280-light");
  await dialog(page).getByRole("button", { name: "Store it" }).click();
  await page.getByText("is stored (revision 1)").waitFor();

  // A test device, and a device that asks.
  await go(page, "Test devices");
  await page.getByText("Add a test device").first().click();
  await page.getByLabel("Name").fill("lobby");
  await page.getByLabel("Address or number").fill("00-21-63-0F-20-7B");
  await page.getByRole("button", { name: "See what would change" }).click();
  await dialog(page).getByRole("button", { name: "Add lobby" }).click();
  await page.getByRole("cell", { name: "lobby" }).waitFor();
  ask("1.0.522.103");
  await new Promise((wait) => setTimeout(wait, 2500));

  // Approving shows what would change.
  await go(page, "Updates");
  const row = page.getByRole("row").filter({ hasText: RULE });
  await row.getByRole("button", { name: /^Approve/ }).click();
  await dialog(page).getByText("This would be done:").waitFor();
  await look(page, "3-approve-1280-light");
  // Somebody else is quicker, so the stale page approves nothing.
  run("reject", RULE, "--author", "eve");
  await dialog(page).getByRole("button", { name: /^Approve/ }).click();
  await dialog(page).getByText("Changed since this page was read:").waitFor();
  await look(page, "4-conflict-1280-light");
  await dialog(page).getByRole("button", { name: "Close and read again" }).click();
  run("unreject", RULE, "3.5.6907.0", "--author", "eve");
  await new Promise((wait) => setTimeout(wait, 2500));
  await go(page, "Overview");
  await go(page, "Updates");
  await row.getByRole("button", { name: /^Approve/ }).click();
  await dialog(page).getByRole("button", { name: /^Approve/ }).click();
  await page.getByText("(revision").first().waitFor();

  // The device page, and why.
  await go(page, "Devices");
  await page.getByLabel("MAC address, serial number").fill("0f-20");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("button", { name: "Why this answer" }).first().click();
  await dialog(page).getByText("would be answered now").waitFor();
  await look(page, "5-why-1280-light");
  await page.keyboard.press("Escape");
  for (const [width, scheme] of [[1280, "light"], [400, "dark"]]) {
    const phone = await open(ann, width, scheme);
    await go(phone, "Devices");
    await phone.getByRole("link", { name: "0021630F207B" }).click();
    await phone.getByRole("heading", { name: "Device 0021630F207B" }).waitFor();
    await phone.getByRole("heading", { name: "Timeline" }).waitFor();
    check(await phone.getByRole("row").count() > 1, "the timeline has the request of the device");
    await look(phone, `5-device-${width}-${scheme}`);
    await phone.context().close();
  }
  // A change that somebody else makes shows without a reload.
  await go(page, "Test devices");
  run("test-device", "add", "reception", "--mac", "00-21-63-0F-20-7C", "--author", "eve");
  await page.getByRole("cell", { name: "reception" }).waitFor();
  run("test-device", "remove", "reception", "--author", "eve");
  await page.getByRole("cell", { name: "reception" }).waitFor({ state: "detached" });

  // A rollout.
  await go(page, "Rollouts");
  await page.getByText("Start a rollout").click();
  await page.getByLabel("Rule").selectOption(RULE);
  await page.getByLabel("Version").fill("3.5.6907.0");
  await page.getByLabel("Name").fill("wave-1");
  await page.getByLabel("Share").fill("10%");
  await page.getByRole("button", { name: "See what would change" }).click();
  await dialog(page).getByRole("button", { name: "Start wave-1" }).click();
  await page.getByRole("row").filter({ hasText: "wave-1" }).getByRole("button", { name: "Pause" }).click();
  await dialog(page).getByRole("button", { name: "Pause wave-1" }).click();
  await page.getByText("paused in the console").first().waitFor();

  // The kill switch, and a restart by two people.
  await go(page, "Overview");
  await page.getByText("Stop every offer").first().click();
  await page.getByLabel("Why").fill("phones ring");
  await page.getByRole("button", { name: "Stop every offer" }).click();
  await dialog(page).getByRole("button", { name: "Stop every offer" }).click();
  await page.getByText("Everything is stopped: no device").waitFor();
  await lookAtAll("6-stopped");
  await page.getByRole("button", { name: "Ask for a restart" }).click();
  await dialog(page).getByRole("button", { name: "Ask for a restart" }).click();
  await page.getByText("ann asked for a restart").waitFor();
  check(await page.getByRole("button", { name: "Approve the restart" }).count() === 0, "one person alone cannot restart");
  const other = await open(bob, 1280, "light");
  await other.getByRole("button", { name: "Approve the restart" }).click();
  await dialog(other).getByRole("button", { name: "Approve the restart" }).click();
  await other.getByText("Everything is stopped: no device").waitFor({ state: "detached" });

  // Back to an earlier revision.
  await go(other, "History");
  await other.getByRole("listitem").filter({ hasText: "Revision 2 by ann" }).getByRole("button", { name: "Restore" }).click();
  await dialog(other).getByText("This would be done:").waitFor();
  await dialog(other).getByRole("button", { name: "Restore revision 2" }).click();
  await other.getByText("Revision 13", { exact: true }).waitFor();
  await other.context().close();

  // A viewer sees everything and changes nothing.
  const viewer = await open(vic, 400, "dark");
  await go(viewer, "Updates");
  check(await viewer.getByRole("button", { name: /^Approve/ }).count() === 0, "a viewer has no button to approve");
  await viewer.context().close();

  // The keyboard alone: skip link, then the pages.
  await page.reload();
  await page.getByRole("navigation").waitFor();
  await page.keyboard.press("Tab");
  check(await page.evaluate(() => document.activeElement.className) === "skip", "the first stop of the keyboard is the skip link");
  await lookAtAll("7-full");
} catch (error) {
  failed++;
  console.log(String(error));
  for (const context of browser.contexts()) {
    for (const page of context.pages()) {
      await page.screenshot({ path: join(shots, "failed-" + failed + ".png") }).catch(() => {});
      console.log("the page said: " + (await page.locator("dialog, #message, main").allInnerTexts()).join(" | ").slice(0, 1500));
    }
  }
} finally {
  await browser.close();
  server.kill("SIGTERM");
}
await new Promise((ended) => server.exitCode !== null ? ended() : server.once("exit", ended));
for (const secret of [ann, bob, vic]) {
  if (errors.includes(secret)) { failed++; console.log("a token is in the log of the server"); }
}
rmSync(place, { recursive: true, force: true });
console.log(failed ? `${failed} thing(s) wrong` : "the console holds");
process.exit(failed ? 1 : 0);
