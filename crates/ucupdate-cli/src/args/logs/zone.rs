//! A time zone, on the command line.

use ucupdate::value::Zone;

pub(crate) fn zone(name: &str) -> Result<Zone, String> {
    Zone::named(name).map_err(|error| error.to_string())
}
