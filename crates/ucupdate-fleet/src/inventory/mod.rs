//! The inventory: every device that sent a request, with its versions, from the rows of audit logs.

mod devices;

pub use devices::{Inventory, InventoryDevice, InventoryModule, MAX_DEVICE_MODULES, VersionCount};
