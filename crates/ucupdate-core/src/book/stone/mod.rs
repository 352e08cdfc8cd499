//! The stepping stones, and those that are for more devices than their image.

#[expect(clippy::module_inception, reason = "the file defines `SteppingStone`; this one only lists the room")]
mod stone;
mod wide_stone;

pub use stone::{MissingStone, SteppingStone, StoneImage, StoneName, StoneRemedy};
pub use wide_stone::{OtherInterimVersion, WideStone};
