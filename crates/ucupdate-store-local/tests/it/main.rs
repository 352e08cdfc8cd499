//! The folder as its users meet it.

mod contract;
