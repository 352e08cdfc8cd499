//! The inventory: every device that sent a request, with its versions and its state. It is made
//! from the rows of audit logs.

mod counts;
mod device;
mod devices;
mod fetches;
mod record;
mod state;
mod words;

pub use counts::{DayCount, VersionCount};
pub use device::{InventoryDevice, InventoryModule, ModuleHistory};
pub use devices::{DeviceNumber, Inventory, MAX_DEVICE_MODULES};
pub use fetches::RecentFetches;
pub use state::{DeviceStanding, DeviceState, StateOptions};
