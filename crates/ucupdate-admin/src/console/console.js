"use strict";
// The console. Texts of the rule book are set as text, never as HTML. The token stays in the memory of this tab.

const KEY = "ucupdate-token";
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const RANK = { viewer: 0, operator: 1, approver: 2 };
const main = document.getElementById("main");
const dialog = document.getElementById("dialog");
let me = null;
let token = sessionStorage.getItem(KEY) || "";
let turn = 0;

// ---- small tools ----

// Invisible characters and marks of direction, which could make one name look like another.
const UNSEEN = /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]/g;

function visible(text) {
  return text.replace(UNSEEN, (found) => "\\u{" + found.charCodeAt(0).toString(16) + "}");
}

function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(9)) {
    if (child !== null && child !== undefined && child !== false) node.append(typeof child === "string" ? visible(child) : child);
  }
  return node;
}

function say(text) {
  const line = el("p", {}, text);
  document.getElementById("message").append(line);
  setTimeout(() => line.remove(), 9000);
}

function time(iso, timeStyle = "short") {
  if (!iso) return "never";
  const options = { dateStyle: "medium", timeStyle, timeZone: ZONE };
  return el("time", { datetime: iso, title: iso }, new Date(iso).toLocaleString(undefined, options));
}

function zoneNote() {
  return el("p", { class: "quiet small" }, "Times are in the zone " + ZONE + ".");
}

function bytes(size) {
  if (size < 1024) return count(size, "byte");
  if (size < 1048576) return (size / 1024).toFixed(1) + " KiB";
  return (size / 1048576).toFixed(1) + " MiB";
}

function count(number, what) {
  return number + " " + what + (number === 1 ? "" : "s");
}

function may(role) {
  return me && RANK[me.role] >= RANK[role];
}

function rulePath(rule) {
  return "rules/" + rule.split("/").map(encodeURIComponent).join("/");
}

function table(caption, heads, rows) {
  const cell = (value, index) => el("td", { "data-label": heads[index] || null, class: index === 0 ? "name" : null }, value);
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", { class: "stack" },
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head || el("span", { class: "quiet" }, "Actions"))))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell))))));
}

function empty(...text) {
  return el("p", { class: "panel quiet" }, ...text);
}

// ---- the API ----

class Refused extends Error {
  constructor(problem) {
    super(problem.detail || problem.title || "the server refused");
    this.problem = problem;
  }
}

async function api(path, options = {}) {
  let response;
  try {
    response = await fetch("api/v1/" + path, {
      ...options,
      headers: { ...(options.headers || {}), authorization: "Bearer " + token },
      credentials: "omit",
      redirect: "error",
    });
  } catch {
    throw new Refused({ detail: "The server does not answer. Check that it runs, and try again." });
  }
  return read(response.status, response.headers.get("etag"), await response.text());
}

function read(status, etag, text) {
  let value;
  try { value = JSON.parse(text); } catch { value = { detail: "The server sent an answer that this page does not know." }; }
  if (status === 401) { forget(); throw new Refused(value); }
  if (status >= 400) throw new Refused(value);
  value.etag = etag;
  return value;
}

function post(path, body, etag) {
  const headers = { "content-type": "application/json" };
  if (etag) headers["if-match"] = etag;
  return api(path, { method: "POST", headers, body: JSON.stringify(body) });
}

function problemNode(error) {
  const problem = error.problem || {};
  const changed = (problem.changed || []).map((one) =>
    el("li", {}, "revision " + one.revision + " by " + one.author + ", ", time(one.at), ": " + one.notes.join("; ")));
  const problems = (problem.problems || []).map((one) => el("li", {}, one.severity + ": " + one.text));
  return el("div", { class: "panel", role: "alert" },
    el("p", { class: "bad" }, error.message),
    changed.length ? [el("p", {}, "Changed since this page was read:"), el("ul", { class: "plain" }, changed)] : null,
    problems.length ? [el("p", {}, "Problems of the package:"), el("ul", { class: "plain" }, problems)] : null);
}

// ---- a change: first what it would do, then the change ----

function closeDialog() { dialog.close(); dialog.replaceChildren(); }

function show(title, ...children) {
  dialog.replaceChildren(el("h2", { id: "dialog-title" }, title), ...children.flat(9).filter(Boolean));
  if (!dialog.open) dialog.showModal();
}

function answersTable(would) {
  if (would.devices_problem) return el("p", { class: "note" }, "The devices could not be compared: " + would.devices_problem);
  if (!would.devices) return el("p", { class: "quiet" }, "No device is in the audit logs yet, so no answer can be compared.");
  const text = count(would.changed_answers, "answer") + " to " + count(would.devices, "device") + " would change" +
    (would.left_out ? "; " + count(would.left_out, "device") + " left out" : "") + ".";
  const shown = (answer) => answer.version
    ? answer.version + (answer.stepping_stone_to ? " on the way to " + answer.stepping_stone_to : "") : answer.because;
  const rows = would.answers.slice(0, 100).map((one) =>
    [el("span", { class: "whole" }, one.mac || one.serial || "-"), one.user || "-", one.installed, shown(one.before), shown(one.after)]);
  return [el("p", {}, text), rows.length ? table("The answers that would change" + (would.changed_answers > 100 ? ", the first 100" : ""),
    ["Device", "User", "Has", "Now", "After"], rows) : null];
}

async function propose(title, path, body, etag, danger) {
  show(title, el("p", { role: "status" }, "Looking at what would change …"));
  try {
    const would = await post(path + "?dry_run=true", body, etag);
    const make = el("button", { class: danger ? "danger" : "main", onclick: async () => {
      make.disabled = true;
      try {
        const made = await post(path, body, etag || would.etag);
        closeDialog();
        say(made.revision ? made.notes.join("; ") + " (revision " + made.revision + ")" : "Nothing changed.");
        route();
      } catch (error) { show(title, problemNode(error), closeButton("Close and read again", true)); }
    } }, title);
    const notes = would.notes.map((note) => el("li", {}, note));
    show(title,
      notes.length ? [el("p", {}, "This would be done:"), el("ul", { class: "plain" }, notes)] : el("p", {}, "Nothing would change."),
      answersTable(would),
      el("div", { class: "buttons" }, make, closeButton("Cancel")));
  } catch (error) { show(title, problemNode(error), closeButton("Close and read again", true)); }
}

function closeButton(text, reads) {
  return el("button", { onclick: () => { closeDialog(); if (reads) route(); } }, text);
}

function command(title, value, danger) {
  return propose(title, "changes", { command: value }, null, danger);
}

function action(text, role, run, kind) {
  if (!may(role)) return null;
  return el("button", { class: kind || null, onclick: run }, text);
}

// ---- pages ----

function versionOf(candidate) { return candidate ? candidate.version : "none"; }

function ruleButtons(rule) {
  const path = rulePath(rule.rule);
  const decide = (title, act, expected, danger) => () =>
    propose(title, path + "/" + act, { expected }, null, danger);
  const pending = rule.pending && rule.pending.version;
  return el("div", { class: "buttons" },
    pending && action("Approve " + pending, "approver", decide("Approve " + pending, "approve", pending), "main"),
    pending && action("Reject", "approver", decide("Reject " + pending, "reject", pending)),
    rule.rollback && action("Roll back to " + rule.rollback.version, "approver",
      decide("Roll back to " + rule.rollback.version, "rollback", rule.rollback.version, true)));
}

async function overview() {
  const now = await api("overview");
  const needs = [];
  for (const rule of now.pending) {
    needs.push(el("div", { class: "panel" },
      el("p", {}, el("b", {}, rule.pending.version), " is pending for ", el("code", {}, rule.rule),
        rule.approved ? ". Every device gets " + rule.approved.version + "." : ". Nothing is approved yet."),
      ruleButtons(rule)));
  }
  for (const one of now.paused) {
    needs.push(el("div", { class: "panel" }, el("p", {}, "The rollout ", el("b", {}, one.name), " of " + one.version + " for ",
      el("code", {}, one.rule), " is paused" + (one.reason ? ": " + one.reason : "") + ". ", el("a", { href: "#/rollouts" }, "Look at the rollouts"))));
  }
  const found = await attention();
  needs.push(...found.nodes);
  const health = now.health;
  if (!health.ready) needs.unshift(el("div", { class: "panel bad" }, el("p", {}, "The store cannot be read, so this page may be old: " + (health.problem || "unknown"))));
  if (health.dropped_log_rows) needs.unshift(el("div", { class: "panel bad" }, el("p", {}, health.dropped_log_rows + " log rows were lost.")));
  const counts = [["Rules", now.counts.rules, "updates"], ["Packages", now.counts.packages, "packages"], ["Test devices", now.counts.test_devices, "test-devices"],
    ["Groups", now.counts.groups, "test-devices"], ["Holds", now.counts.holds, "test-devices"], ["Bans", now.counts.bans, "updates"]];
  return [el("h1", {}, "Overview"),
    el("h2", {}, "What needs you"),
    needs.length ? needs : empty(now.counts.packages
      ? "Nothing is pending, no rollout is paused or stands still, and no device is silent or in trouble."
      : ["The store has no package yet. ", el("a", { href: "#/packages" }, "Upload a package"), " to begin."]),
    now.pending_count > now.pending.length ? el("p", {}, "And " + (now.pending_count - now.pending.length) + " more.") : null,
    el("h2", {}, "The rule book"),
    el("ul", { class: "cards" }, counts.map(([name, count, page]) => el("li", {}, el("b", {}, String(count)), el("a", { href: "#/" + page }, name)))),
    el("p", { class: "quiet small" }, "Revision " + now.revision + ", read at ", time(now.now), "."),
    stopPanel(now), zoneNote()];
}

// What the logs show: rollouts that stand still, silent devices, devices with troubles.
async function attention() {
  let found;
  try { found = await api("attention"); } catch (error) {
    if (!token) throw error;
    return { nodes: [el("div", { class: "panel" }, el("p", { class: "bad" }, "The logs could not be read, so silent devices and troubles are not known: " + error.message))] };
  }
  const nodes = found.stands_still.map((one) => el("div", { class: "panel" },
    el("p", {}, "The rollout ", el("b", {}, one.name), " of " + one.version + " for ", el("code", {}, one.rule), " stands still: " + one.stands_still + ". ",
      el("a", { href: "#/rollouts" }, "Look at the rollouts"))));
  const group = (list, count, text) => count ? el("details", { class: "panel" },
    el("summary", {}, el("b", {}, String(count)), text(count)),
    el("ul", { class: "plain" }, list.map((one) => el("li", {}, deviceLink(one.id), ", asked last ", time(one.last_asked), one.user ? ", " + one.user : ""))),
    count > list.length ? el("p", { class: "quiet small" }, "The " + list.length + " that asked last are listed, and there are " + (count - list.length) + " more. Search for them on the page Devices.") : null) : null;
  if (found.unread_log_count) nodes.push(el("div", { class: "panel bad" },
    el("p", {}, "Nothing could be read of " + count(found.unread_log_count, "log") + ", so devices in them are not shown. The command ucupdate fleet says why."),
    el("ul", { class: "plain" }, found.unread_logs.map((log) => el("li", {}, el("code", {}, log))))));
  nodes.push(group(found.troubled, found.troubled_count, (count) => count === 1 ? " device is offered updates and does not get further" : " devices are offered updates and do not get further"),
    group(found.silent, found.silent_count, (count) => count === 1 ? " device is silent: it has not asked for two days" : " devices are silent: they have not asked for two days"));
  return { nodes: nodes.filter(Boolean) };
}

function deviceLink(id) { return el("a", { href: "#/device/" + encodeURIComponent(id) }, id); }

function stopPanel(now) {
  const all = now.stopped.find((stop) => stop.rule === null);
  if (all) return null;
  if (!may("operator")) return null;
  return el("details", { class: "panel" }, el("summary", {}, "Stop every offer"),
    el("form", { onsubmit: (event) => { event.preventDefault(); command("Stop every offer", { kill: { scope: "all", reason: event.target.reason.value.trim() } }, true); } },
      el("p", {}, "No device is offered anything until two people restart it: one asks, and another one approves."),
      field("reason", "Why", { required: true, maxlength: "500" }),
      el("div", { class: "buttons" }, el("button", { class: "danger" }, "Stop every offer"))));
}

function field(name, label, attributes) {
  const id = "f-" + name + "-" + (++turn);
  return el("div", {}, el("label", { for: id }, label), el("input", { id, name, autocomplete: "off", ...attributes }));
}

async function updates() {
  const [page, bans] = await Promise.all([pages("rules", "rules"), pages("bans", "bans")]);
  const rows = page.entries.map((rule) => [el("code", {}, rule.rule),
    rule.pending ? el("span", { class: "tag warn" }, rule.pending.version) : "none", versionOf(rule.approved), versionOf(rule.rollback),
    [rule.pins.length ? el("p", { class: "small" }, count(rule.pins.length, "pin")) : null,
      rule.rollouts.map((one) => el("p", { class: "small" }, "rollout " + one.name + " of " + one.version + ", " + one.share)), ruleButtons(rule)]]);
  return [el("h1", {}, "Updates"),
    rows.length ? table("The rules: the versions that each kind of device gets", ["Rule", "Pending", "Approved", "Roll back to", ""], rows)
      : empty("There is no rule yet. ", el("a", { href: "#/packages" }, "Upload a package"), ": it makes the rules of its devices."),
    more(page),
    page.first.pending_interim.length ? [el("h2", {}, "Pending interim images"), table("Images that devices install on the way to another version", ["Locale", "Type", "Version", ""],
      page.first.pending_interim.map((one) => [one.locale, one.update_type, el("span", { class: "tag warn" }, one.version), el("div", { class: "buttons" },
        action("Approve " + one.version, "approver", () => command("Approve the interim image " + one.version, { "approve-interim": { locale: one.locale, update_type: one.update_type, version: one.version } }), "main"),
        action("Reject", "approver", () => command("Reject the interim image " + one.version, { "reject-interim": { locale: one.locale, update_type: one.update_type } })))]))] : null,
    el("h2", {}, "Bans"),
    bans.entries.length ? table("Versions and images that no device is offered", ["Banned", "Reason", ""],
      bans.entries.map((ban) => [el("code", {}, ban.scope), ban.reason, action("Lift", "approver", () => command("Lift the ban", { "lift-ban": ban.scope }))]))
      : empty("No version is banned.")];
}

// Reads the first pages of a list, up to 2,000 entries.
async function pages(path, name) {
  const entries = [];
  let next = null, first = null;
  do {
    const page = await api(path + (path.includes("?") ? "&" : "?") + "limit=500" + (next ? "&after=" + encodeURIComponent(next) : ""));
    first = first || page;
    entries.push(...page[name]);
    next = page.next;
  } while (next && entries.length < 2000);
  return { entries, next, first };
}

function more(page) {
  return page.next ? el("p", { class: "note" }, "Only the first " + page.entries.length + " entries are shown. The command lists all.") : null;
}

function progress(one) {
  const { devices } = one;
  if (!devices.offered) return el("p", { class: "quiet small" }, "No device was offered it yet.");
  const done = devices.installed, wrong = devices.failed + devices.overdue;
  const text = done + " of " + devices.offered + (devices.offered === 1 ? " device has it" : " devices have it") +
    (devices.waiting ? ", " + devices.waiting + " waiting" : "") + (devices.downloading ? ", " + devices.downloading + " downloading" : "") +
    (devices.not_counted ? ", " + devices.not_counted + " that downloaded nothing here" : "");
  return [el("progress", { max: String(devices.offered), value: String(done), "aria-label": "Devices of " + one.name + " that have " + one.version }),
    el("p", { class: "small" }, text),
    wrong ? el("details", {}, el("summary", { class: "bad" }, devices.failed + " failed, " + devices.overdue + " overdue"),
      el("ul", { class: "plain" }, one.failed_devices.slice(0, 100).map((device) => el("li", {}, deviceLink(device.device), " " + device.state + " since ", time(device.since))))) : null,
    one.stands_still ? el("p", { class: "note small" }, "It stands still: " + one.stands_still + ".") : null];
}

// What makes a rollout pause by itself.
function pausesAt(guard) {
  if (!guard) return "; never pauses by itself";
  const limits = [guard.failures !== null ? count(guard.failures, "failure") : null,
    guard.share !== null ? guard.share + " failures among " + guard.sample + " devices or more" : null];
  return "; pauses at " + limits.filter(Boolean).join(" or at ");
}

// The versions that packages contain for a rule, the newest package first.
function versionsOf(rule, packages) {
  const all = packages.slice().reverse().flatMap((one) => one.releases.filter((release) => release.rule === rule).map((release) => release.version));
  return [...new Set(all)];
}

async function rollouts() {
  const [page, rules, known, groups] = await Promise.all([pages("rollouts/status", "rollouts"), pages("rules", "rules"), pages("packages", "packages"), pages("groups", "groups")]);
  const name = (one) => [one.rule, one.name];
  const rows = page.entries.map((one) => [[el("b", {}, one.name), el("br"), el("code", {}, one.rule)], one.version,
    (one.group ? "group " + one.group : "all devices") + ", " + one.share + (one.stages ? " (" + one.stages + ")" : "") + (one.window ? ", " + one.window : "") + pausesAt(one.pause),
    [progress(one), one.next_stage ? el("p", { class: "small" }, "Next: " + one.next_stage.share + " at ", time(one.next_stage.at)) : null],
    one.paused ? [el("span", { class: "tag bad" }, "paused"), " ", one.reason || ""] : el("span", { class: "tag" }, "runs"),
    el("div", { class: "buttons" },
      one.paused ? action("Resume", "approver", () => command("Resume " + one.name, { "resume-rollout": name(one) }))
        : action("Pause", "operator", () => command("Pause " + one.name, { "pause-rollout": [...name(one), "paused in the console"] })),
      action("Approve for all devices", "approver", () => propose("Approve " + one.version, "changes", { command: { "finish-rollout": name(one) } }, page.first.etag)),
      action("End", "approver", () => command("End " + one.name, { "stop-rollout": name(one) }, true)))]);
  const start = (event) => {
    event.preventDefault();
    const form = event.target;
    const failures = Number(form.failures.value);
    // A device comes back within two days, because devices ask once a day.
    const guard = failures ? { failures, share: null, sample: 20, install_seconds: Number(form.minutes.value) * 60, deadline_seconds: 172800 } : null;
    const value = { rule: form.rule.value, audience: form.group.value ? { group: form.group.value } : "everybody", version: form.version.value,
      rollout: { name: form.name.value.trim(), share: { percent: form.percent.value.trim() }, guard } };
    command("Start " + value.rollout.name, { "start-rollout": value });
  };
  const versions = el("select", { id: "f-version", name: "version", required: true });
  const rule = el("select", { id: "f-rule", name: "rule", onchange: () => offer() }, rules.entries.map((one) => el("option", {}, one.rule)));
  const offer = () => versions.replaceChildren(...versionsOf(rule.value, known.entries).map((version) => el("option", {}, version)));
  offer();
  return [el("h1", {}, "Rollouts"),
    rows.length ? table("The rollouts: a version for some devices before all devices get it", ["Rollout", "Version", "For", "Progress", "State", ""], rows)
      : empty("No rollout runs. Start one to give a version to a share of the devices first."),
    more(page),
    may("approver") && rules.entries.length ? el("details", { class: "panel" }, el("summary", {}, "Start a rollout"),
      el("form", { onsubmit: start },
        el("p", { class: "quiet small" }, "The version goes to a share of the devices. A device that comes back with its old version has failed."),
        el("label", { for: "f-rule" }, "Rule"), rule,
        el("div", { class: "fields" },
          el("div", {}, el("label", { for: "f-version" }, "Version"), versions),
          field("name", "Name", { required: true, maxlength: "128" }),
          el("div", {}, el("label", { for: "f-group" }, "Devices"),
            el("select", { id: "f-group", name: "group" }, el("option", { value: "" }, "all devices of the rule"), groups.entries.map((one) => el("option", { value: one.name }, "group " + one.name)))),
          field("percent", "Share of these devices", { required: true, pattern: "[0-9]+(\\.[0-9]+)?%", value: "10%" }),
          field("failures", "Failures that pause it (0: never)", { type: "number", min: "0", max: "1000000", value: "5", required: true }),
          field("minutes", "Minutes to install", { type: "number", min: "0", max: "10080", value: "60", required: true })),
        el("div", { class: "buttons" }, el("button", { class: "main" }, "See what would change")))) : null, zoneNote()];
}

async function devices(query) {
  const search = query || "";
  const page = await api("devices?limit=200" + (search ? "&search=" + encodeURIComponent(search) : ""));
  const form = el("form", { role: "search", onsubmit: (event) => {
    event.preventDefault();
    location.hash = "#/devices/" + encodeURIComponent(event.target.search.value.trim());
  } }, field("search", "MAC address, serial number, user, address or kind", { type: "search", value: search }),
  el("div", { class: "buttons" }, el("button", { class: "main" }, "Search")));
  const rows = page.devices.map((one) => [[el("b", {}, deviceLink(one.id)), el("br"), el("code", {}, one.kind)],
    one.user || "-", one.host || "-", one.modules.map((module) => el("div", {}, module.file_name + " " + module.installed)), time(one.last_asked),
    el("div", { class: "buttons" }, one.modules[0] ? el("button", { onclick: () => why(one) }, "Why this answer") : null,
      action("Make it a test device", "operator", () => command("Add a test device", { "add-test-device": { name: one.id, id: one.mac ? { mac: one.mac } : { serial: one.serial } } })))]);
  return [el("h1", {}, "Devices"), form,
    rows.length ? table(rows.length + (page.next ? " or more" : "") + " of " + page.known + " devices, as of their last request",
      ["Device", "User", "Address", "Has", "Asked last", ""], rows)
      : empty(page.known ? "No device matches. Search for a part of an address, a serial number or a user."
        : "No device has asked yet. Devices appear here after their first request."),
    page.next ? el("p", { class: "note" }, "Only the first " + rows.length + " are shown. Search for a part of the address or user.") : null,
    zoneNote()];
}

async function why(device) {
  show("Why this answer", el("p", { role: "status" }, "Asking the rule book …"));
  try {
    const answer = await api("explain?id=" + encodeURIComponent(device.id));
    show("Why this answer", el("p", {}, "What ", el("b", {}, device.id), " would be answered now:"),
      el("pre", {}, answer.text), el("div", { class: "buttons" }, closeButton("Close")));
  } catch (error) { show("Why this answer", problemNode(error), closeButton("Close")); }
}

// One device: its facts, why it would be answered so, its troubles and its timeline.
async function device(id) {
  const one = await api("devices/" + encodeURIComponent(id));
  const known = one.device, story = one.timeline || { events: [], troubles: [] };
  const facts = [["Kind", el("code", {}, known.kind)], ["MAC address", known.mac], ["Serial number", (known.serial || "").trim()], ["User", known.user], ["Address", known.host],
    ["Has", known.modules.map((module) => module.file_name + " " + module.installed).join(", ")],
    ["State", [el("span", { class: "tag" }, one.state), " Devices in this state " + one.meaning + "."]],
    ["Asked", [one.asks + (one.asks === 1 ? " time, " : " times, the last time "), time(known.last_asked)]],
    ["Test device", one.test_device]];
  const rows = story.events.slice().reverse().map((event) => [el("span", { class: "whole" }, time(event.at, "medium")), event.text]);
  return [el("p", {}, el("a", { href: "#/devices" }, "All devices")), el("h1", {}, "Device " + known.id),
    el("dl", { class: "panel facts" }, facts.filter(([, value]) => value).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    one.test_device ? null : action("Make it a test device", "operator",
      () => command("Add a test device", { "add-test-device": { name: known.id, id: known.mac ? { mac: known.mac } : { serial: known.serial } } })),
    el("h2", {}, "What it would be answered now, and why"),
    one.text ? el("pre", { class: "panel", tabindex: "0" }, one.text) : empty("Its last request has words that cannot be repeated."),
    el("h2", {}, "Troubles"),
    story.troubles.length ? story.troubles.map((trouble) => el("div", { class: "panel" },
      el("p", {}, el("b", { class: trouble.over ? null : "bad" }, trouble.text), trouble.over ? " (over)" : "", ", ", time(trouble.first),
        trouble.count > 1 ? [" to ", time(trouble.last), ", " + trouble.count + " times"] : null),
      el("p", { class: "small" }, "It means: " + trouble.meaning + "."), el("p", { class: "small" }, "To do: " + trouble.remedy + ".")))
      : empty("The logs show no trouble of this device."),
    el("h2", {}, "Timeline"),
    rows.length ? table("What the device did and was answered, the newest first", ["When", "What"], rows) : empty("The logs have no request of this device any more."),
    one.left_out ? el("p", { class: "note" }, one.left_out + " older log rows were left out. The command ucupdate timeline shows all.") : null, zoneNote()];
}

// The condition of a group in words: networks 10.1.0.0/16; side internal.
function predicateText(value) {
  if (Array.isArray(value)) return value.map(predicateText).join(", ");
  if (value && typeof value === "object") return Object.entries(value).map(([name, one]) => name.replaceAll("_", " ") + " " + predicateText(one)).join("; ");
  return String(value);
}

async function testDevices() {
  const [tests, groups, holds] = await Promise.all([pages("test-devices", "test_devices"), pages("groups", "groups"), pages("holds", "holds")]);
  const whom = (one) => one.mac ? "MAC " + one.mac : one.serial ? "serial " + one.serial : one.group ? "group " + one.group : one.rule ? "rule " + one.rule : "-";
  const add = (event) => {
    event.preventDefault();
    const { name, known, id } = event.target;
    command("Add " + name.value.trim(), { "add-test-device": { name: name.value.trim(), id: { [known.value]: id.value.trim() } } });
  };
  const select = (id) => el("div", {}, el("label", { for: id }, "Known by"),
    el("select", { id, name: "known" }, el("option", { value: "mac" }, "MAC address"), el("option", { value: "serial" }, "Serial number")));
  return [el("h1", {}, "Test devices and groups"),
    el("h2", {}, "Test devices"),
    tests.entries.length ? table("Test devices get pending versions before all other devices", ["Name", "Known by", ""],
      tests.entries.map((one) => [one.name, whom(one), action("Remove", "operator", () => command("Remove " + one.name, { "remove-test-device": one.name }))]))
      : empty("No test device yet. Add one, so that a pending version can be tried before it is approved."),
    may("operator") ? el("details", { class: "panel" }, el("summary", {}, "Add a test device"), el("form", { onsubmit: add },
      el("div", { class: "fields" }, field("name", "Name", { required: true, maxlength: "128" }), select("f-known"), field("id", "Address or number", { required: true })),
      el("div", { class: "buttons" }, el("button", { class: "main" }, "See what would change")))) : null,
    el("h2", {}, "Groups"),
    groups.entries.length ? table("Groups of devices", ["Name", "Devices", "Used by"],
      groups.entries.map((one) => [one.name, one.predicate ? predicateText(one.predicate) : one.members + " on a list", one.used_by.join(", ") || "nothing"]))
      : empty("No group yet. ", el("code", {}, "ucupdate group add"), " makes one."),
    el("h2", {}, "Holds"),
    holds.entries.length ? table("Devices that are offered nothing", ["Name", "Holds", "Until", "Reason", ""],
      holds.entries.map((one) => [one.name, whom(one), [one.until ? time(one.until) : "no end", one.over ? el("span", { class: "tag" }, "over") : null], one.reason || "-",
        action("Remove", "approver", () => command("Remove the hold " + one.name, { "remove-hold": one.name }))]))
      : empty("No device is held."), zoneNote()];
}

async function history(before) {
  const page = await api("history?limit=50" + (before ? "&before=" + encodeURIComponent(before) : ""));
  const restore = (one) => one.revision < page.revision
    ? action("Restore", "approver", () => propose("Restore revision " + one.revision, "history/" + one.revision + "/restore", {}, page.etag, true)) : null;
  return [el("h1", {}, "History"),
    page.revisions.length ? el("ol", { class: "history" }, page.revisions.map((one) => el("li", {},
      el("p", {}, el("b", {}, "Revision " + one.revision), " by ", el("b", {}, one.author), ", ", time(one.at)),
      el("ul", { class: "plain" }, one.notes.map((note) => el("li", {}, note))),
      el("div", { class: "buttons" }, restore(one)))))
      : empty("Nothing was changed yet. ", el("a", { href: "#/packages" }, "Upload a package"), " to begin."),
    page.next ? el("p", {}, el("a", { href: "#/history/" + page.next }, "Earlier revisions")) : null, zoneNote()];
}

async function packages() {
  const page = await pages("packages", "packages");
  const input = el("input", { type: "file", id: "f-package", accept: ".cab,.exe", multiple: true, onchange: () => {
    const files = [...input.files];
    // A browser reports no change if the same file is chosen again.
    input.value = "";
    if (files.length) upload(files);
  } });
  const drop = el("div", { class: "drop",
    ondragover: (event) => { event.preventDefault(); drop.classList.add("over"); },
    ondragleave: () => drop.classList.remove("over"),
    ondrop: (event) => { event.preventDefault(); drop.classList.remove("over"); const files = [...event.dataTransfer.files]; if (files.length) upload(files); } },
  el("label", { for: "f-package" }, "A package: drop it here, or choose a file"), input,
  el("p", { class: "quiet small" }, "First you see what it would change. Nothing is stored before you say so. Choose all cabinets of a set together."));
  const rows = page.entries.map((one) => [[el("b", {}, one.file_name), el("br"), el("code", {}, one.package)], time(one.ingested_at),
    one.releases.map((release) => el("div", {}, el("code", {}, release.rule), " " + release.version + " ", el("span", { class: "tag" }, release.state))).concat(
      one.interim.map((image) => el("div", {}, "interim image " + image.version + " for " + image.locale)))]);
  return [el("h1", {}, "Packages"), may("operator") ? drop : null, el("h2", {}, "In the rule book"),
    rows.length ? table("The packages that were ingested", ["Package", "Ingested", "Releases"], rows) : empty("No package yet. Upload the cabinet of the vendor to begin."),
    more(page), zoneNote()];
}

function send(file, sizes, dryRun, key, progressed) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "api/v1/packages?file_name=" + encodeURIComponent(file.name) + (sizes ? "&part_sizes=" + sizes : "") + (dryRun ? "&dry_run=true" : ""));
    request.setRequestHeader("authorization", "Bearer " + token);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.setRequestHeader("idempotency-key", key);
    request.upload.onprogress = (event) => event.lengthComputable && progressed(event.loaded, event.total);
    request.onload = () => { try { resolve(read(request.status, request.getResponseHeader("etag"), request.responseText)); } catch (error) { reject(error); } };
    request.onerror = () => reject(new Refused({ detail: "The upload was broken off. Try again." }));
    request.send(file);
  });
}

// The cabinets of a set are sent one after the other, sorted by name.
async function upload(files) {
  files.sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
  const sizes = files.length > 1 ? files.map((file) => file.size).join(",") : "";
  const file = files.length > 1 ? new File(files, files[0].name) : files[0];
  const text = el("p", { role: "status" });
  const bar = el("progress", { max: "1", value: "0", "aria-label": "Upload of " + file.name });
  const progressed = (done, total) => {
    bar.value = done / total;
    text.textContent = done < total ? bytes(done) + " of " + bytes(total) + " sent" : "Sent. The server reads the package …";
  };
  const begin = (title) => { bar.value = 0; text.textContent = "Sending " + file.name + ", " + bytes(file.size); show(title, text, bar); };
  begin("Look at " + file.name);
  try {
    const would = await send(file, sizes, true, crypto.randomUUID ? crypto.randomUUID() : String(Math.random()), progressed);
    const key = crypto.randomUUID ? crypto.randomUUID() : String(Math.random());
    const store = action("Store it", "approver", async () => {
      begin("Store " + file.name);
      try {
        const made = await send(file, sizes, false, key, progressed);
        closeDialog();
        say(made.revision ? file.name + " is stored (revision " + made.revision + ")." : file.name + " was there already. Nothing changed.");
        route();
      } catch (error) { show("Store " + file.name, problemNode(error), closeButton("Close")); }
    }, "main");
    show("Look at " + file.name,
      would.notes.length ? [el("p", {}, "This would be done:"), el("ul", { class: "plain" }, would.notes.map((note) => el("li", {}, note)))] : el("p", {}, "The package is there already. Nothing would change."),
      would.warnings.length ? [el("p", {}, "Warnings:"), el("ul", { class: "plain" }, would.warnings.map((one) => el("li", {}, one.text.replace(/^warning: /, ""))))] : el("p", { class: "good" }, "The package has no problem."),
      answersTable(would), el("div", { class: "buttons" }, store, closeButton(store ? "Cancel" : "Close")));
  } catch (error) { show("Look at " + file.name, problemNode(error), closeButton("Close")); }
}

// ---- the frame ----

const PAGES = [["", "Overview", overview], ["updates", "Updates", updates], ["rollouts", "Rollouts", rollouts], ["devices", "Devices", devices],
  ["test-devices", "Test devices", testDevices], ["history", "History", history], ["packages", "Packages", packages]];
// A page that is reached from another one: its path, its title, its content, and the page that the navigation shows.
const DEVICE = ["device", "Device", device, "devices"];

function forget() { token = ""; me = null; sessionStorage.removeItem(KEY); if (ears) ears.abort(); }

// ---- live updates: the page is read again when something happened that it shows ----

const HEARD = "change-made,rollout-paused,package-ingested,store-unreachable,store-reachable,history-replaced,loop-found,device-silent,request-answered";
let ears = null;
let due = null;
let late = null;

function heard(kind) {
  const path = location.hash.replace(/^#\/?/, "").split("/")[0];
  if (kind !== "request-answered") { due = due || setTimeout(() => { due = null; again(); }, 300); return; }
  if (!["", "devices", "device", "rollouts"].includes(path)) return;
  due = due || setTimeout(() => { due = null; again(); }, 3000);
  // A server reads the logs every ten seconds, so it may know of the request only then.
  late = late || setTimeout(() => { late = null; again(); }, 14000);
}

// Returns whether a person writes, reads details, or has written something that is not sent yet: then the page is left as it is.
function inUse() {
  const active = document.activeElement;
  if (dialog.open || (active && ["INPUT", "SELECT", "TEXTAREA"].includes(active.tagName))) return true;
  if (document.querySelector("main details[open]")) return true;
  return [...main.querySelectorAll("input, textarea, select")].some((field) =>
    field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked
      : field.tagName === "SELECT" ? field.selectedIndex > 0 : field.value !== (field.defaultValue || ""));
}

// Reads the page again. What a person is doing is not disturbed.
function again() {
  if (!inUse() && !document.hidden) route(true);
}

async function listen() {
  if (ears) return;
  const mine = ears = new AbortController();
  try {
    const response = await fetch("api/v1/events?kinds=" + HEARD, { headers: { authorization: "Bearer " + token }, credentials: "omit", redirect: "error", signal: mine.signal });
    if (!response.ok) { if (response.status === 404) return; throw new Error(); }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
      const frames = text.split("\n\n");
      text = frames.pop();
      for (const frame of frames) {
        const kind = /^event: (.+)$/m.exec(frame);
        if (kind && kind[1] !== "opened") heard(kind[1]);
      }
    }
  } catch { /* The connection ended. It is opened again below. */ }
  if (ears === mine) ears = null;
  if (token) setTimeout(() => { if (token && !ears) { listen(); heard("change-made"); } }, 5000);
}

function stopped(list) {
  const bar = document.getElementById("stopped");
  bar.replaceChildren(...list.map((stop) => {
    const scope = stop.rule === null ? "all" : stop.rule;
    const what = stop.rule === null ? "Everything is stopped: no device is offered anything" : "Nothing is offered for " + stop.rule;
    const restart = stop.restart_asked_by
      ? [" " + stop.restart_asked_by + " asked for a restart; another person must approve it. ",
        stop.restart_asked_by !== me.name ? action("Approve the restart", "approver", () => command("Approve the restart", { "approve-restart": { scope } }), "main") : null]
      : [" ", action("Ask for a restart", "operator", () => command("Ask for a restart", { "ask-restart": { scope } }))];
    return el("div", { class: "alarm" }, el("p", {}, what + ". Stopped by " + stop.by + (stop.reason ? ": " + stop.reason : "") + ".", restart));
  }));
}

function login(reason) {
  document.getElementById("nav").hidden = true;
  document.getElementById("who").hidden = true;
  stopped([]);
  document.title = "Sign in – ucupdate";
  const input = el("input", { id: "f-token", name: "token", type: "password", autocomplete: "off", required: true, spellcheck: "false" });
  main.replaceChildren(el("h1", {}, "Sign in"), reason ? el("p", { class: "note", role: "alert" }, reason) : null || "",
    el("form", { class: "panel", onsubmit: (event) => {
      event.preventDefault();
      token = input.value.trim();
      sessionStorage.setItem(KEY, token);
      route();
    } }, el("label", { for: "f-token" }, "Token"), input,
    el("p", { class: "quiet small" }, "An administrator of the server makes a token with ", el("code", {}, "ucupdate token add NAME --role ROLE"),
      ". It stays in this tab and is forgotten when the tab is closed."),
    el("div", { class: "buttons" }, el("button", { class: "main" }, "Sign in"))));
  input.focus();
}

let shown = 0;

async function route(quiet) {
  const mine = ++shown;
  const focused = quiet === true && main.contains(document.activeElement) && document.activeElement !== main ? document.activeElement.textContent : null;
  if (!token) return login();
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  const page = name === "device" ? DEVICE : PAGES.find(([path]) => path === name) || PAGES[0];
  const nav = document.getElementById("nav");
  nav.replaceChildren(...PAGES.map(([path, title]) => el("a", { href: "#/" + path, onclick: () => { if (location.hash === "#/" + path) route(); }, "aria-current": path === (page[3] || page[0]) ? "page" : null }, title)));
  if (quiet !== true) main.setAttribute("aria-busy", "true");
  const waiting = quiet === true ? 0 : setTimeout(() => mine === shown && main.replaceChildren(el("p", { role: "status" }, "Reading …")), 300);
  try {
    const now = await api("overview");
    me = now.administrator;
    const who = document.getElementById("who");
    who.replaceChildren(me.name + ", " + me.role + " ", el("button", { onclick: () => { forget(); route(); } }, "Sign out"));
    nav.hidden = who.hidden = false;
    stopped(now.stopped);
    listen();
    const content = await page[2](rest.length ? decodeURIComponent(rest.join("/")) : "");
    // A person may have begun to write while the server answered.
    if (mine !== shown || (quiet === true && inUse())) return;
    clearTimeout(waiting);
    document.title = page[1] + " – ucupdate";
    const scroll = window.scrollY;
    main.replaceChildren(...[content].flat(9).filter(Boolean));
    if (quiet === true) {
      window.scrollTo(0, scroll);
      const again = focused && [...main.querySelectorAll("a, button, summary")].find((node) => node.textContent === focused);
      if (again) again.focus({ preventScroll: true });
    }
  } catch (error) {
    if (mine !== shown) return;
    clearTimeout(waiting);
    if (!token) return login(error.message);
    main.replaceChildren(el("h1", {}, page[1]), problemNode(error), el("div", { class: "buttons" }, el("button", { onclick: () => route() }, "Try again")));
  } finally {
    clearTimeout(waiting);
    main.removeAttribute("aria-busy");
  }
}

document.addEventListener("visibilitychange", () => { if (!document.hidden && token) heard("change-made"); });
window.addEventListener("hashchange", () => route().then(() => main.focus()));
route();
