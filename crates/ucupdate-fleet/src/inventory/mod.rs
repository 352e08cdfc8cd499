//! The inventory: every device that asked, with its versions, from the rows of audit logs.

mod devices;

pub use devices::{Inventory, InventoryDevice, InventoryModule, MAX_DEVICE_MODULES, VersionCount};
