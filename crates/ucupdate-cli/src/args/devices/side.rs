//! The side from which a device asks, on the command line.

use ucupdate::request::Side;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SideName {
    /// From the internal network
    Internal,
    /// From the external network
    External,
}

impl From<SideName> for Side {
    fn from(name: SideName) -> Self {
        match name {
            SideName::Internal => Self::Internal,
            SideName::External => Self::External,
        }
    }
}
