//! The device or the group that an entry of the rule book is for, as fields of a JSON object. For any other
//! audience all these fields are `null`.

use serde_json::{Value, json};
use ucupdate::book::{Audience, GroupName};
use ucupdate::device::DeviceId;

/// Adds the fields `mac`, `serial` and `group` of an audience to a JSON object. At most one of them has a text, and
/// the others are `null`.
pub fn with_device_or_group(object: Value, device: Option<&DeviceId>, group: Option<&GroupName>) -> Value {
    let (mac, serial) = match device {
        Some(DeviceId::Mac(mac)) => (Some(mac), None),
        Some(DeviceId::Serial(serial)) => (None, Some(serial)),
        None => (None, None),
    };
    let Value::Object(mut fields) = object else { return object };
    fields.insert("mac".to_owned(), json!(mac));
    fields.insert("serial".to_owned(), json!(serial));
    fields.insert("group".to_owned(), json!(group));
    Value::Object(fields)
}

/// Returns the device or the group of an audience. At most one of them is `Some`.
pub fn audience_parts(audience: &Audience) -> (Option<&DeviceId>, Option<&GroupName>) {
    match audience {
        Audience::Device(device) => (Some(device), None),
        Audience::Group(group) => (None, Some(group)),
        _ => (None, None),
    }
}
