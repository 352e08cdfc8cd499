//! Test devices, groups, holds, and kill switches that are on, as JSON.

use super::device_or_group::with_device_or_group;
use crate::report::time::iso;
use serde_json::{Value, json};
use ucupdate::book::{Audience, Group, GroupName, HeldDevices, Hold, RuleBook, Stop, StopScope, TestDevice};
use ucupdate::device::DeviceId;
use ucupdate::value::UnixTime;

/// Returns a test device as a JSON object. Either `mac` or `serial` has a text, and the other one is `null`.
pub fn test_device(device: &TestDevice) -> Value {
    let (mac, serial) = match &device.id {
        DeviceId::Mac(mac) => (Some(mac.to_string()), None),
        DeviceId::Serial(serial) => (None, Some(serial.to_string())),
    };
    json!({ "name": device.name, "mac": mac, "serial": serial })
}

/// Returns a group as a JSON object. `members` is the number of devices in its list, or `null` if the group has a
/// predicate instead of a list.
pub fn group(book: &RuleBook, group: &Group) -> Value {
    let members = group.predicate.is_none().then(|| book.members(&group.name).len());
    let used_by = group_users(book, &group.name);
    json!({ "name": group.name, "predicate": group.predicate, "members": members, "used_by": used_by })
}

/// Returns the rules and holds that use a group, each as text such as `rule UCPhone/Polycom/CX700/A/ENU/CPE` or `hold lobby`.
pub fn group_users(book: &RuleBook, group: &GroupName) -> Vec<String> {
    let rules = book.rules().filter(|rule| {
        let mut assignments = rule.assignments().iter();
        assignments.any(|assignment| matches!(&assignment.audience, Audience::Group(name) if name == group))
    });
    let holds = book.holds().filter(|hold| matches!(&hold.on, HeldDevices::Group(name) if name == group));
    let holds = holds.map(|hold| format!("hold {}", hold.name));
    rules.map(|rule| format!("rule {}", rule.key())).chain(holds).collect()
}

/// Returns a hold as a JSON object. `over` is `true` if the time of the hold is over at `now`.
pub fn hold(hold: &Hold, now: UnixTime) -> Value {
    let (device, group, rule) = match &hold.on {
        HeldDevices::Device(device) => (Some(device), None, None),
        HeldDevices::Group(group) => (None, Some(group), None),
        HeldDevices::Rule(rule) => (None, None, Some(rule)),
        _ => (None, None, None),
    };
    let Value::Object(mut fields) = with_device_or_group(json!({ "name": hold.name }), device, group) else {
        return Value::Null;
    };
    fields.insert("rule".to_owned(), json!(rule));
    fields.insert("until".to_owned(), json!(hold.until.map(iso)));
    fields.insert("over".to_owned(), json!(!hold.lasts(now)));
    fields.insert("reason".to_owned(), json!(hold.reason));
    Value::Object(fields)
}

/// Returns a kill switch that is on, as a JSON object. `rule` is the rule that it stops, or `null` if it stops all
/// rules.
pub fn stop(scope: &StopScope, stop: &Stop) -> Value {
    let rule = match scope {
        StopScope::Rule(rule) => Some(rule),
        _ => None,
    };
    json!({
        "rule": rule, "by": stop.by, "reason": stop.reason, "restart_asked_by": stop.restart_asked_by,
    })
}
