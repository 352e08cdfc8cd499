//! The devices there are, by what audit logs tell of them.

mod devices;

pub use devices::{Inventory, InventoryDevice, InventoryModule, MAX_DEVICE_MODULES, VersionCount};
