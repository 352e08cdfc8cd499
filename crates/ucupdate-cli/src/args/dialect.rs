//! The dialect (the names of XML items in requests and responses), on the command line.

use crate::failure::Failure;
use crate::files;
use crate::suggest::{nearest, with_meant};
use std::path::PathBuf;
use ucupdate::upx::{Codec, DecodeLimits, Dialect, DialectError};

/// The dialect in which bodies are read and written.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DialectArgs {
    /// The TOML file with the names of items on the wire [default: the canonical names]
    #[arg(long, value_name = "D.toml")]
    dialect: Option<PathBuf>,
}

/// The largest size of a dialect file in bytes.
const MAX_DIALECT_BYTES: usize = 64 * 1024;

impl DialectArgs {
    /// Returns the codec that uses the dialect. Fails when the file cannot be read or is not a dialect.
    pub(crate) fn codec(&self) -> Result<Codec, Failure> {
        let Some(path) = &self.dialect else { return Ok(Codec::default()) };
        let failed = |error: &(dyn std::error::Error + 'static)| Failure::in_doing(path.display(), error);
        let text =
            String::from_utf8(files::read(path, MAX_DIALECT_BYTES)?).map_err(|error| failed(&error))?;
        let refused = |error: DialectError| {
            let meant = match &error {
                DialectError::UnknownKey { key } => nearest(key, Dialect::keys()),
                _ => None,
            };
            with_meant(failed(&error).into_not_understood(), meant)
        };
        let dialect = Dialect::from_toml(&text).map_err(refused)?;
        Ok(Codec::new(dialect, DecodeLimits::default()))
    }
}
