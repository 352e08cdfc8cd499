//! The words that name a kind of device.

use crate::value::label::label;

label!(
    /// What kind of device asks: `UCPhone`, `RoundTable`, or whatever a third party's phone calls itself.
    device::DeviceType, "UCPhone"
);
label!(
    /// Who made the device (Lync calls it "Brand").
    device::Vendor, "LG-Nortel"
);
label!(
    /// The device's model.
    device::Model, "IP8540"
);
label!(
    /// The device's hardware revision; not to be taken for a revision of the rule book.
    device::HardwareRevision, "A"
);
label!(
    /// The language variant of the firmware, as Windows abbreviates it.
    device::Locale, "ENU"
);
