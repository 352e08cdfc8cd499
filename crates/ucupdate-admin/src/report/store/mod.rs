//! The reports about the store and its packages: checks, garbage collection, and problems of packages.

mod check;
mod garbage;
mod problem;

pub use check::check;
pub use garbage::garbage;
pub use problem::ProblemReport;
