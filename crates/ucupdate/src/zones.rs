//! Time zones by their names, from the database compiled in: a rule book keeps names, deciding wants offsets.

use ucupdate_audit::Zone as AuditZone;
use ucupdate_core::book::{Zone, ZoneName, Zones};

/// The IANA database, as it was when this was built. For compiling a rule book, and for
/// [`simulate`](ucupdate_fleet::simulate::simulate).
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "it has no parts")]
pub struct Iana;

impl Zones for Iana {
    fn zone(&self, name: &ZoneName) -> Option<Zone> {
        let zone = AuditZone::named(name.as_str()).ok()?;
        let (first, changes) = zone.offsets();
        Some(Zone::new(first, changes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_core::value::{FieldTime, UnixTime};

    fn at(text: &str) -> UnixTime {
        text.parse::<FieldTime>().unwrap().as_utc()
    }

    #[test]
    fn the_clock_of_a_zone_goes_with_its_seasons_to_the_end_of_the_century() {
        let lisbon = Iana.zone(&"Europe/Lisbon".parse().unwrap()).unwrap();
        for (moment, offset) in [
            ("15-01-2009 12:00:00", 0),
            ("15-07-2009 12:00:00", 3600),
            ("29-03-2026 00:59:59", 0),
            ("29-03-2026 01:00:00", 3600),
            ("15-07-2099 12:00:00", 3600),
        ] {
            assert_eq!(lisbon.offset_at(at(moment)), offset, "{moment}");
        }
        assert_eq!(Iana.zone(&ZoneName::UTC), Some(Zone::default()));
        assert_eq!(Iana.zone(&"Europe/Atlantis".parse().unwrap()), None);
    }
}
