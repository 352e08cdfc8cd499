//! Stepping stones, and stepping stones that apply to more kinds of device than their image was made for.

#[expect(clippy::module_inception, reason = "the file defines `SteppingStone`; this one only lists the room")]
mod stone;
mod wide_stone;

pub use stone::{MissingStone, SteppingStone, StoneImage, StoneName, StoneRemedy};
pub use wide_stone::{OtherInterimVersion, WideStone};
