//! The five words of a device kind. The macro `for_kind_words` lists them, and types such as `DeviceKind` are
//! generated from its list.

use crate::value::label::label;

label!(
    /// The type of a device: `UCPhone`, `RoundTable`, or the name that a phone of another vendor uses.
    device::DeviceType, "device type", "UCPhone"
);
label!(
    /// The maker of the device. Lync calls it "Brand".
    device::Vendor, "vendor", "LG-Nortel"
);
label!(
    /// The device's model.
    device::Model, "model", "IP8540"
);
label!(
    /// The hardware revision of the device. It is not related to revisions of the rule book.
    device::HardwareRevision, "hardware revision", "A"
);
label!(
    /// The language of the firmware, as Windows abbreviates languages, such as `ENU` and `DEU`.
    device::Locale, "locale", "ENU"
);

/// Calls a macro with the list of the five words, in the order of the text form of a device kind.
///
/// [`DeviceKind`](super::DeviceKind), [`KindWord`](super::KindWord), [`KindWords`](super::KindWords) and
/// [`KindPattern`](super::KindPattern) are generated from this list. Each line has the field name, the type of
/// the word, the name of the word in error messages, and the name of the stored field that lists alternatives
/// for the word.
macro_rules! for_kind_words {
    ($macro:ident) => {
        $macro! {
            device_type: DeviceType, "device type", "device_types";
            vendor: Vendor, "vendor", "vendors";
            model: Model, "model", "models";
            hardware_revision: HardwareRevision, "hardware revision", "hardware_revisions";
            locale: Locale, "locale", "locales";
        }
    };
}

pub(crate) use for_kind_words;
