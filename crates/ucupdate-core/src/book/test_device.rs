//! Test devices: those that get a pending version before everybody does.

use crate::device::DeviceId;
use crate::value::label::folded;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// The most bytes the name of a test device may have.
pub const MAX_TEST_DEVICE_NAME_BYTES: usize = 128;

/// The name of a test device. Names that differ only in ASCII case are equal; the spelling is kept.
#[derive(Clone)]
pub struct TestDeviceName(Box<str>);

impl TestDeviceName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TestDeviceName {
    type Err = TestDeviceNameError;

    /// Reads a name; blanks around it are dropped.
    ///
    /// # Errors
    /// When it is blank, too long, or holds a control character.
    fn from_str(text: &str) -> Result<Self, TestDeviceNameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TestDeviceNameError::Blank);
        }
        if text.len() > MAX_TEST_DEVICE_NAME_BYTES {
            return Err(TestDeviceNameError::TooLong { found: text.len() });
        }
        if text.chars().any(char::is_control) {
            return Err(TestDeviceNameError::Control);
        }
        Ok(Self(text.into()))
    }
}

impl PartialEq for TestDeviceName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for TestDeviceName {}

impl PartialOrd for TestDeviceName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TestDeviceName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        folded(&self.0).cmp(folded(&other.0))
    }
}

impl Hash for TestDeviceName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in folded(&self.0) {
            state.write_u8(byte);
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for TestDeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for TestDeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestDeviceName({})", self.0)
    }
}

/// Why a text is no name for a test device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TestDeviceNameError {
    /// Empty, or nothing but blanks.
    #[error("name of the test device is blank")]
    Blank,
    /// Longer than [`MAX_TEST_DEVICE_NAME_BYTES`].
    #[error("name of the test device has {found} bytes, expected at most {MAX_TEST_DEVICE_NAME_BYTES}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// A control character inside.
    #[error("name of the test device holds a control character")]
    Control,
}

/// A device that is offered pending versions before they are approved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TestDevice {
    /// Its friendly name.
    pub name: TestDeviceName,
    /// The MAC address or serial number of the device.
    pub id: DeviceId,
}

#[cfg(feature = "serde")]
mod stored {
    use super::TestDeviceName;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    impl Serialize for TestDeviceName {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(self.as_str())
        }
    }

    impl<'de> Deserialize<'de> for TestDeviceName {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        }
    }
}
