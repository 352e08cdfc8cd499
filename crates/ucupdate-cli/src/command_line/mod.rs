//! Additions to the definition of the command line: examples, groups of verbs, and completion.

#[cfg(test)]
mod advised;
mod complete;
mod examples;
mod verbs;

pub(crate) use complete::with_candidates;
pub(crate) use examples::with_examples;
pub(crate) use verbs::with_groups;
