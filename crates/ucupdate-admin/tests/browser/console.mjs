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
const server = spawn(program, ["serve", "--create", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--token-file", "tokens.json",
  "--watch-seconds", "1", "--trust-proxy", "127.0.0.1"],
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

// Simulated devices. Each has its own address, as behind a proxy, because downloads are followed by address.
const kind = { IP8540: "LG-Nortel", CX700: "Polycom" };
const bodies = Object.fromEntries(Object.entries(kind).map(([model, vendor]) => [model, run("ask", "--print-request", "--as-the-device",
  "--mac", "0021630F207B", "--serial", "C185H001209", "--user", "nina@contoso.com", "--device-type", "UCPhone", "--vendor", vendor, "--model", model,
  "--hardware-revision", "A", "--locale", "ENU", "--version", "1.0.522.103")]));
const address = (number) => "10.1.0." + number;
const mac = (number) => "0021630F20" + number.toString(16).toUpperCase().padStart(2, "0");
async function ask(model, number, version) {
  const body = bodies[model].replaceAll("0021630F207B", mac(number)).replaceAll("C185H001209", "C185H00" + (1000 + number))
    .replaceAll("nina@contoso.com", "user" + number + "@contoso.com").replaceAll("1.0.522.103", version);
  const answer = await fetch(devices + "/RequestHandler/ucdevice.upx", { method: "POST", body, headers: { "content-type": "text/xml", "x-forwarded-for": address(number) } });
  check(answer.status === 200, "a device is answered");
  return answer.text();
}
async function download(model, number, version) {
  const path = `/DeviceUpdateFiles_Int/UCPhone/${kind[model]}/${model}/A/ENU/${version}/CPE/CPE.nbt`;
  const answer = await fetch(devices + path, { headers: { "x-forwarded-for": address(number) } });
  check(answer.status === 200, "a device downloads the image");
  await answer.arrayBuffer();
}
// The logs are read every ten seconds at most.
async function known(page, number) {
  for (let tries = 0; tries < 30; tries++) {
    await go(page, "Devices");
    if (await page.getByRole("link", { name: mac(number) }).count()) return;
    await new Promise((wait) => setTimeout(wait, 1000));
  }
  check(false, "the device is on the page of devices");
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
let failed = 0;

async function open(bearer, width, colorScheme) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, timezoneId: "Europe/Lisbon", locale: "en-GB" });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
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

// Opens a page of the navigation, and waits until its content has replaced what was shown.
const go = async (page, name) => {
  await page.evaluate(() => document.querySelector("#main > *")?.setAttribute("data-before", ""));
  await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
  await page.waitForFunction(() => document.querySelector("#main h1") && !document.querySelector("#main > [data-before]")
    && !document.getElementById("main").hasAttribute("aria-busy"));
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

const SIZES = [[1280, "light"], [1280, "dark"], [400, "light"], [400, "dark"]];

async function lookAtAll(step, names, more) {
  for (const [width, scheme] of SIZES) {
    const page = await open(ann, width, scheme);
    for (const name of names) {
      await go(page, name);
      await look(page, `${step}-${name.replaceAll(" ", "-").toLowerCase()}-${width}-${scheme}`);
    }
    if (more) await more(page, `${width}-${scheme}`);
    await page.context().close();
  }
}
const ALL = ["Overview", "Updates", "Rollouts", "Devices", "Test devices", "History", "Packages"];

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

  await lookAtAll("1-empty", ALL);
  const page = await open(ann, 1280, "light");

  // A package: first what it would change.
  await go(page, "Packages");
  const cabinet = join(place, "made", "UCUpdates.cab");
  await page.getByLabel("A package").setInputFiles(cabinet);
  await dialog(page).getByText("This would be done:").waitFor();
  await look(page, "2-upload-1280-light");
  await dialog(page).getByRole("button", { name: "Store it" }).click();
  await page.getByText("is stored (revision 1)").waitFor();
  // The same package again changes nothing, and what is no package says so.
  await page.getByLabel("A package").setInputFiles(cabinet);
  await dialog(page).getByText("Nothing would change").or(dialog(page).getByText("is pending already")).first().waitFor();
  await dialog(page).getByRole("button", { name: /^(Cancel|Close)$/ }).click();
  await page.getByLabel("A package").setInputFiles(join(place, "tokens.json"));
  await dialog(page).getByRole("alert").waitFor();
  await look(page, "2-no-package-1280-light");
  await dialog(page).getByRole("button", { name: "Close" }).click();

  // A test device gets the pending version, another device does not.
  await go(page, "Test devices");
  await page.getByText("Add a test device").first().click();
  await page.getByLabel("Name").fill("lobby");
  await page.getByLabel("Address or number").fill("00-21-63-0F-20-7B");
  await page.getByRole("button", { name: "See what would change" }).click();
  await dialog(page).getByRole("button", { name: "Add lobby" }).click();
  await page.getByRole("cell", { name: "lobby" }).waitFor();
  check((await ask("IP8540", 0x7b, "1.0.522.103")).includes("3.5.6907.0"), "the test device is offered the pending version");
  check(!(await ask("IP8540", 0x7c, "1.0.522.103")).includes("3.5.6907.0"), "another device is not");
  await known(page, 0x7c);
  await page.getByRole("link", { name: mac(0x7c) }).click();
  await page.getByRole("heading", { name: "Device " + mac(0x7c) }).waitFor();
  const answer = page.locator("pre");
  check(!(await answer.innerText()).includes("=> offer 3.5.6907.0"), "the page of the device offers nothing");

  // Two administrators look at the same pending version. Both see the devices whose answer would change.
  const other = await open(bob, 1280, "light");
  const stale = await open(ann, 1280, "light");
  const row = (page) => page.getByRole("row").filter({ hasText: RULE });
  for (const one of [stale, other]) {
    await go(one, "Updates");
    await row(one).getByRole("button", { name: /^Approve/ }).click();
    await dialog(one).getByText("1 answer to 2 devices would change").waitFor();
    await dialog(one).getByRole("cell", { name: mac(0x7c) }).waitFor();
  }
  await look(other, "3-approve-1280-light");
  await dialog(other).getByRole("button", { name: /^Approve/ }).click();
  await other.getByText("(revision").first().waitFor();
  // The stale page approves nothing, and says what changed.
  await dialog(stale).getByRole("button", { name: /^Approve/ }).click();
  await dialog(stale).getByText("Changed since this page was read:").waitFor();
  await dialog(stale).getByText("by bob").waitFor();
  await look(stale, "4-conflict-1280-light");
  await dialog(stale).getByRole("button", { name: "Close and read again" }).click();
  await row(stale).getByText("3.5.6907.0").first().waitFor();
  await stale.context().close();
  // The page of the device changes without a reload, and the device is offered what the page says.
  await page.getByText("=> offer 3.5.6907.0").waitFor();
  check((await ask("IP8540", 0x7c, "1.0.522.103")).includes("3.5.6907.0"), "the device is offered the approved version");

  // A search by user, by address and by a part of the MAC address, and why a device is answered so.
  for (const text of ["user124@", "10.1.0.124", "0f-20-7c", "C185H001124"]) {
    await go(page, "Devices");
    await page.getByLabel("MAC address, serial number").fill(text);
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByText("1 of 2 devices").waitFor();
    check(await page.getByRole("link", { name: mac(0x7c) }).count() === 1, "found by " + text);
  }
  // A page that is read again, because a device asked, keeps what a person writes while the server answers.
  await go(page, "Devices");
  let arrived, release;
  const reading = new Promise((resolve) => { arrived = resolve; });
  const held = new Promise((resolve) => { release = resolve; });
  await page.route("**/api/v1/devices?*", async (route) => { arrived(); await held; await route.continue(); }, { times: 1 });
  await ask("IP8540", 0x7c, "1.0.522.103");
  await reading;
  await page.getByLabel("MAC address, serial number").fill("0f-20-7c");
  const answered = page.waitForResponse("**/api/v1/devices?*");
  release();
  await answered;
  await page.waitForTimeout(200);
  check(await page.getByLabel("MAC address, serial number").inputValue() === "0f-20-7c", "what a person writes stays on the page");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByText("1 of 2 devices").waitFor();
  await page.getByRole("button", { name: "Why this answer" }).first().click();
  await dialog(page).getByText("would be answered now").waitFor();
  await look(page, "5-why-1280-light");
  await page.keyboard.press("Escape");
  await go(page, "Devices");
  await page.getByLabel("MAC address, serial number").fill("nobody");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByText("No device matches").waitFor();

  // A rollout that fails by itself: devices take the image and come back with their old version.
  await go(page, "Rollouts");
  await page.getByText("Start a rollout").click();
  await page.getByLabel("Rule").selectOption("UCPhone/Polycom/CX700/A/ENU/CPE");
  check(await page.getByLabel("Version").inputValue() === "3.5.6907.9", "the form offers the version of the package");
  await page.getByLabel("Name").fill("wave-1");
  await page.getByLabel("Share").fill("100%");
  await page.getByLabel("Failures").fill("2");
  await page.getByLabel("Minutes").fill("0");
  await look(page, "6-rollout-form-1280-light");
  await page.getByRole("button", { name: "See what would change" }).click();
  await dialog(page).getByRole("button", { name: "Start wave-1" }).click();
  const wave = page.getByRole("row").filter({ hasText: "wave-1" });
  await wave.getByText("runs").waitFor();
  for (const number of [1, 2, 3, 4]) {
    check((await ask("CX700", number, "1.0.522.103")).includes("3.5.6907.9"), "a device of the rollout is offered the version");
    await download("CX700", number, "3.5.6907.9");
  }
  await ask("CX700", 4, "3.5.6907.9");
  await new Promise((wait) => setTimeout(wait, 2500));
  for (const number of [1, 2, 3]) await ask("CX700", number, "1.0.522.103");
  // Nobody presses anything: the guard pauses the rollout, and the page shows it.
  await wave.getByText("paused").waitFor({ timeout: 30000 });
  check(!(await ask("CX700", 5, "1.0.522.103")).includes("3.5.6907.9"), "a paused rollout offers nothing");
  await wave.getByText(/[23] failed, 0 overdue/).waitFor({ timeout: 30000 });
  await wave.getByText(/[23] failed, 0 overdue/).click();
  await wave.getByRole("link", { name: mac(1) }).waitFor();
  await go(page, "Overview");
  await page.getByText("is paused").first().waitFor();
  await known(page, 5);

  // Everything that there is, on each page.
  run("group", "add", "pilots", "--network", "10.1.0.0/16", "--author", "eve");
  run("hold", "add", "fair", "--group", "pilots", "--reason", "trade fair", "--author", "eve");
  run("ban", "add", "UCPhone/Polycom/CX700/A/ENU/CPE", "2.0.0.0", "--reason", "calls drop", "--author", "eve");
  await lookAtAll("7-full", ALL, async (page, size) => {
    await go(page, "Devices");
    await page.getByRole("link", { name: mac(1), exact: true }).click();
    await page.getByRole("heading", { name: "Device " + mac(1) }).waitFor();
    check(await page.getByRole("row").count() > 1, "the timeline has the requests of the device");
    await look(page, "7-full-device-" + size);
  });
  // A change that somebody else makes shows without a reload.
  await go(page, "Test devices");
  run("test-device", "add", "reception", "--mac", "00-21-63-0F-20-7D", "--author", "eve");
  await page.getByRole("cell", { name: "reception" }).waitFor();
  run("test-device", "remove", "reception", "--author", "eve");
  await page.getByRole("cell", { name: "reception" }).waitFor({ state: "detached" });

  // The kill switch, and a restart by two people.
  await go(page, "Overview");
  await page.getByText("Stop every offer").first().click();
  await page.getByLabel("Why").fill("phones ring");
  await page.getByRole("button", { name: "Stop every offer" }).click();
  await dialog(page).getByRole("button", { name: "Stop every offer" }).click();
  await page.getByText("Everything is stopped: no device").waitFor();
  check(!(await ask("IP8540", 0x7c, "1.0.522.103")).includes("3.5.6907.0"), "nothing is offered while everything is stopped");
  await lookAtAll("8-stopped", ["Overview", "Updates"]);
  await page.getByRole("button", { name: "Ask for a restart" }).click();
  await dialog(page).getByRole("button", { name: "Ask for a restart" }).click();
  await page.getByText("ann asked for a restart").waitFor();
  check(await page.getByRole("button", { name: "Approve the restart" }).count() === 0, "one person alone cannot restart");
  await go(other, "Overview");
  await other.getByRole("button", { name: "Approve the restart" }).click();
  await dialog(other).getByRole("button", { name: "Approve the restart" }).click();
  await other.getByText("Everything is stopped: no device").waitFor({ state: "detached" });

  // Back to an earlier revision.
  await go(other, "History");
  const newest = Number((await other.getByText(/^Revision \d+$/).first().innerText()).replace("Revision ", ""));
  await other.getByRole("listitem").filter({ hasText: "Revision 2 by ann" }).getByRole("button", { name: "Restore" }).click();
  await dialog(other).getByText("This would be done:").waitFor();
  await look(other, "9-restore-1280-light");
  await dialog(other).getByRole("button", { name: "Restore revision 2" }).click();
  await other.getByText("Revision " + (newest + 1), { exact: true }).waitFor();
  await other.context().close();

  // A viewer sees everything and changes nothing.
  const viewer = await open(vic, 400, "dark");
  await go(viewer, "Updates");
  check(await viewer.getByRole("button", { name: /^Approve/ }).count() === 0, "a viewer has no button to approve");
  await viewer.context().close();

  // The keyboard alone: the skip link, then the pages, then a decision and back.
  await page.reload();
  await page.getByRole("navigation").waitFor();
  await page.waitForFunction(() => !document.getElementById("main").hasAttribute("aria-busy"));
  const active = () => page.evaluate(() => document.activeElement.textContent.trim());
  await page.keyboard.press("Tab");
  check(await page.evaluate(() => document.activeElement.className) === "skip", "the first stop of the keyboard is the skip link");
  const tabTo = async (text) => {
    for (let stops = 0; stops < 60; stops++) {
      await page.keyboard.press("Tab");
      const here = await active();
      check(await page.evaluate(() => { const box = document.activeElement.getBoundingClientRect(); return box.width > 0 && box.height > 0; }), "the stop is seen: " + here);
      if (text.test(here)) return;
    }
    check(false, "the keyboard reaches " + text);
  };
  await tabTo(/^Updates$/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Updates" }).waitFor();
  await page.waitForFunction(() => document.activeElement.id === "main");
  await tabTo(/^Approve 3.5.6907.0$/);
  await page.keyboard.press("Enter");
  await dialog(page).getByText("This would be done:").waitFor();
  await page.keyboard.press("Tab");
  await page.waitForFunction(() => document.querySelector("dialog").contains(document.activeElement));
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" }).catch(() => {});
  await page.waitForFunction(() => !document.querySelector("dialog").open);
  check(/^Approve 3.5.6907.0$/.test(await active()), "the focus is where it was before the dialog, not at " + await active());
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
