//! The devices that a rule book names: groups, holds and test devices.

mod group;
mod hold;
mod predicate;
mod test_device;

pub use group::{Group, GroupName, Predicate};
pub use hold::{HeldDevices, Hold, HoldName, Stop, StopScope};
pub use predicate::{IpNetwork, MacPrefix, SerialRange, UserDomain};
pub use test_device::{TestDevice, TestDeviceName};
