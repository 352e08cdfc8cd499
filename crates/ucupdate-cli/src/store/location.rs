//! The value of `--store`.

use crate::remote::RemoteArgs;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreLocation {
    Folder(PathBuf),
    /// A bucket, such as `s3://BUCKET/PREFIX`.
    #[cfg(feature = "s3")]
    Bucket(String),
    Server(Box<RemoteArgs>),
    /// A store in memory, which is lost when the command ends.
    Memory,
}

impl FromStr for StoreLocation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::Folder(path.into())),
            Some(("memory", "")) => Ok(Self::Memory),
            #[cfg(feature = "s3")]
            Some(("s3", _)) => match ucupdate::s3::S3Options::at(text) {
                Ok(_) => Ok(Self::Bucket(text.to_owned())),
                Err(error) => Err(error.to_string()),
            },
            #[cfg(not(feature = "s3"))]
            Some(("s3", _)) => Err("this command was built without its feature s3".to_owned()),
            _ => Err("expected file:PATH, s3://BUCKET/PREFIX or memory:".to_owned()),
        }
    }
}

impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "file:{}", path.display()),
            #[cfg(feature = "s3")]
            Self::Bucket(address) => f.write_str(address),
            Self::Server(remote) => match &remote.server {
                Some(url) => write!(f, "{url}"),
                None => f.write_str("no server"),
            },
            Self::Memory => f.write_str("memory:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_folder_or_memory() {
        assert_eq!("file:a:b".parse(), Ok(StoreLocation::Folder("a:b".into())));
        assert_eq!("memory:".parse(), Ok(StoreLocation::Memory));
        for wrong in ["", "file:", "memory", "memory:x", "s3:bucket", "ucupdate-data"] {
            assert!(wrong.parse::<StoreLocation>().is_err(), "{wrong}");
        }
    }

    #[cfg(feature = "s3")]
    #[test]
    fn a_store_may_be_a_bucket() {
        for address in ["s3://firmware", "s3://firmware/fleet/a"] {
            assert_eq!(address.parse(), Ok(StoreLocation::Bucket(address.to_owned())));
        }
        assert!("s3://".parse::<StoreLocation>().is_err());
    }
}
