//! Cabinets of every kind, whole and broken, against what went in and against other readers.

mod broken;
mod builder;
mod fixture;
mod limits;
mod peers;
mod programs;
mod reading;
mod sets;
