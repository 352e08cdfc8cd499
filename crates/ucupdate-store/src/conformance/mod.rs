//! The contract of [`ImageStore`] as tests. [`conformance_suite!`](crate::conformance_suite) creates a named test for each
//! sentence of the contract, for any store.
//!
//! ```
//! # #[cfg(any())] // a test only runs under the test harness
//! #[cfg(test)]
//! mod memory_store_keeps_the_contract {
//!     ucupdate_store::conformance_suite!(ucupdate_store::MemoryStore::default());
//! }
//! ```
//!
//! A complete store with its test module:
//!
//! ```text
#![doc = include_str!("../../tests/minimal_store.rs")]
//! ```
//!
//! The cases are also ordinary functions. Each one takes a new store and panics where the store breaks the contract.
#![allow(
    clippy::missing_panics_doc,
    reason = "a case panics where the contract is broken: that is what it is for"
)]

mod appends;
mod lists;
mod reads;
mod support;
mod writes;

#[cfg(test)]
mod mutants;

pub use appends::*;
pub use lists::*;
pub use reads::*;
pub use writes::*;

use crate::image_store::ImageStore;

/// Creates a test for each sentence of the contract of [`ImageStore`](crate::ImageStore).
///
/// The argument is an expression that returns a *new, empty* store each time it is evaluated. The expression may `.await`.
/// It may return a pair of the store and a value that must live as long as the store, such as a temporary folder. The caller
/// needs `tokio` with the features `macros` and `rt` and `ucupdate-store` with the feature `conformance`. The macro creates
/// functions in the current module, so each call needs a module of its own:
///
/// ```
/// use std::sync::Arc;
/// use ucupdate_store::{ImageStore, MemoryStore};
///
/// mod as_a_value {
///     ucupdate_store::conformance_suite!(ucupdate_store::MemoryStore::default());
/// }
///
/// mod as_a_trait_object {
///     use super::*;
///     ucupdate_store::conformance_suite!(Arc::new(MemoryStore::default()) as Arc<dyn ImageStore>);
/// }
/// ```
#[macro_export]
macro_rules! conformance_suite {
    ($fresh:expr) => {
        $crate::conformance_suite! { @tests $fresh;
            an_object_is_read_back_as_it_was_written
            a_large_object_is_read_back_whole
            what_is_written_is_seen_by_every_call_after
            create_refuses_an_existing_key_and_leaves_its_object
            of_many_creates_of_one_key_exactly_one_wins
            create_takes_eight_mebibytes_and_not_one_byte_more
            put_replaces_an_object_whole
            an_error_in_the_bytes_leaves_the_old_object
            an_error_in_the_bytes_leaves_no_object_where_none_was
            an_unfinished_put_is_not_seen
            a_put_dropped_between_two_pieces_leaves_the_old_object
            a_create_dropped_anywhere_leaves_nothing_or_all
            a_put_dropped_anywhere_leaves_old_or_new
            of_two_puts_at_once_one_is_kept_whole
            readers_see_whole_objects_while_writers_replace_them
            a_deleted_object_is_gone_and_its_key_can_be_taken_again
            deleting_what_is_not_there_is_no_error
            deleting_leaves_the_neighbours
            creating_beside_a_deletion_loses_nothing
            what_is_not_there_is_not_found
            head_tells_what_get_and_put_tell
            a_range_gives_just_its_bytes
            a_range_that_ends_beyond_the_object_gives_what_there_is
            an_empty_range_is_no_error
            a_range_that_begins_beyond_the_object_is_refused
            a_range_that_ends_before_it_begins_is_refused
            a_read_begun_before_a_replacement_never_mixes
            reads_that_nobody_takes_hold_up_no_other
            keys_at_every_limit_are_held
            keys_that_differ_in_case_are_never_mixed
            a_key_and_one_below_it_are_never_mixed
            a_listing_is_sorted_by_bytes
            a_prefix_is_text_and_not_a_folder
            a_prefix_that_no_key_has_lists_nothing
            a_listing_goes_on_after_any_key
            a_listing_tells_what_head_tells
            pages_join_without_gap_or_repetition
            what_is_deleted_between_pages_disturbs_no_other
            an_append_adds_its_bytes_at_the_end
            an_append_at_another_size_is_refused
            an_append_to_what_is_not_there_is_not_found
            an_append_is_seen_by_every_call_after
            an_append_dropped_anywhere_keeps_the_bytes_before
            readers_beside_an_append_see_a_beginning
        }
    };
    (@tests $fresh:expr; $($case:ident)*) => {
        $(
            #[::tokio::test]
            async fn $case() {
                let (store, _kept) = $crate::conformance::Fresh::into_parts($fresh);
                $crate::conformance::$case(store).await;
            }
        )*
    };
}

/// A value that [`conformance_suite!`](crate::conformance_suite) accepts: a store, or a pair of a store and a value that
/// must be kept while the store is used, such as a temporary folder.
pub trait Fresh {
    /// The type of the store under test.
    type Store: ImageStore;
    /// The type of the value that must live as long as the store, such as a temporary folder.
    type Kept;

    /// Returns the store, and the value that must live as long as the store.
    fn into_parts(self) -> (Self::Store, Self::Kept);
}

impl<S: ImageStore> Fresh for S {
    type Store = S;
    type Kept = ();

    fn into_parts(self) -> (S, ()) {
        (self, ())
    }
}

impl<S: ImageStore, K> Fresh for (S, K) {
    type Store = S;
    type Kept = K;

    fn into_parts(self) -> (S, K) {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// Checks that the macro lists every case. The list is written by hand, so a new case may be
    /// missing.
    #[test]
    fn every_case_stands_in_the_macro() {
        let macro_text =
            include_str!("mod.rs").split_once("@tests $fresh;").unwrap().1.split_once('}').unwrap().0;
        let listed: BTreeSet<&str> = macro_text.split_whitespace().collect();
        let cases = [
            include_str!("writes.rs"),
            include_str!("reads.rs"),
            include_str!("lists.rs"),
            include_str!("appends.rs"),
        ]
        .into_iter()
        .flat_map(|file| file.split("pub async fn ").skip(1))
        .map(|rest| rest.split_once('<').unwrap().0)
        .collect();
        assert_eq!(listed, cases);
    }

    mod memory_store {
        crate::conformance_suite!(crate::MemoryStore::default());
    }

    mod memory_store_as_a_trait_object {
        use crate::image_store::ImageStore;
        use crate::memory::MemoryStore;
        use std::sync::Arc;
        crate::conformance_suite!(Arc::new(MemoryStore::default()) as Arc<dyn ImageStore>);
    }

    mod memory_store_in_a_box_with_a_guard {
        use crate::image_store::ImageStore;
        use crate::memory::MemoryStore;
        crate::conformance_suite!({
            let store: Box<dyn ImageStore> = Box::new(MemoryStore::default());
            (store, "something that must live as long")
        });
    }

    mod read_only_shows_what_is_written_behind_it {
        use super::super::support::Split;
        use crate::memory::MemoryStore;
        use crate::read_only::ReadOnly;
        crate::conformance_suite!({
            let store = MemoryStore::default();
            Split { writes: store.clone(), reads: ReadOnly::new(store) }
        });
    }

    mod read_only_around_a_trait_object_as_one {
        use super::super::support::Split;
        use crate::image_store::ImageStore;
        use crate::memory::MemoryStore;
        use crate::read_only::ReadOnly;
        use std::sync::Arc;
        crate::conformance_suite!({
            let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
            let reads: Arc<dyn ImageStore> = Arc::new(ReadOnly::new(Arc::clone(&store)));
            Split { writes: store, reads }
        });
    }
}
