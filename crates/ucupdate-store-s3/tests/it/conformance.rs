//! Runs the conformance suite on servers in this process, and on the real server that the environment names.

use crate::peers::fetch;
use crate::{fresh, key};
use std::io::Write as _;
use std::sync::Once;
use std::time::Duration;
use ucupdate_store::{ImageStore as _, ImageStoreExt as _, Presign as _};
use ucupdate_store_s3::{Credentials, S3OpenError, S3Options, S3Store};

mod in_this_process {
    use super::fresh;
    ucupdate_store::conformance_suite!(fresh(Default::default(), |options| options).await);
}

mod in_small_parts {
    use super::fresh;
    use ucupdate_testkit::s3::Bucket;
    ucupdate_store::conformance_suite!(
        fresh(Bucket::default().taking_small_parts(), |options| options.with_part_bytes(50_000)).await
    );
}

mod in_a_whole_bucket_as_a_trait_object {
    use super::fresh;
    use std::sync::Arc;
    use ucupdate_store::ImageStore;
    ucupdate_store::conformance_suite!({
        let (store, server) = fresh(Default::default(), |options| options.with_prefix("")).await;
        (Arc::new(store) as Arc<dyn ImageStore>, server)
    });
}

mod on_a_real_server {
    ucupdate_store::conformance_suite!(match super::real_server().await {
        Some(store) => store,
        None => return,
    });
}

#[tokio::test]
async fn on_a_real_server_a_signed_address_gives_its_object_and_parts_of_it() {
    let Some(store) = real_server().await else { return };
    let image = key("images/a b/CPE.nbt");
    store.put_bytes(&image, "0123456789").await.unwrap();
    let url = store.presigned_get(&image, Duration::from_secs(60)).await.unwrap();
    if !url.starts_with("http://") {
        return;
    }
    assert_eq!(fetch(&url, "").await, ("200".into(), "0123456789".into()));
    assert_eq!(fetch(&url, "Range: bytes=4-\r\n").await, ("206".into(), "456789".into()));
    assert_eq!(fetch(&url, "Range: bytes=-1\r\n").await, ("206".into(), "9".into()));
    store.delete(&image).await.unwrap();
}

/// Returns a store below a new prefix of the real bucket. `None` if the environment names no server.
async fn real_server() -> Option<S3Store> {
    let options = real_options()?;
    Some(S3Store::open(options).await.expect("the store opens on the server that the environment names"))
}

/// Returns the options of the real server. `None` if the environment names no server.
fn real_options() -> Option<S3Options> {
    static REPORTED: Once = Once::new();
    let variable = |name: &str| std::env::var(format!("UCUPDATE_TEST_S3_{name}")).ok();
    let Some(endpoint) = variable("ENDPOINT") else {
        // Printing past the test harness makes the text visible, since the harness hides what a passing test prints.
        REPORTED.call_once(|| {
            let _ = writeln!(
                std::io::stderr(),
                "skipped: no UCUPDATE_TEST_S3_ENDPOINT, so no store on a real server is tested"
            );
        });
        return None;
    };
    let mut unique = [0; 8];
    getrandom::fill(&mut unique).expect("there is randomness");
    let or = |name: &str, default: &str| variable(name).unwrap_or_else(|| default.to_owned());
    let options = S3Options::new(or("BUCKET", "ucupdate-test"))
        .with_prefix(format!("conformance/{:016x}", u64::from_le_bytes(unique)))
        .with_endpoint(endpoint)
        .with_region(or("REGION", "us-east-1"))
        .with_credentials(Credentials::keys(or("KEY_ID", "test"), or("SECRET", "test")));
    Some(options)
}

/// Runs only if `UCUPDATE_TEST_S3_IS_REFUSED` is set: the server is known to ignore conditions.
#[tokio::test]
async fn a_server_that_must_be_refused_is_refused() {
    if std::env::var_os("UCUPDATE_TEST_S3_IS_REFUSED").is_none() {
        return;
    }
    let options = real_options().expect("UCUPDATE_TEST_S3_ENDPOINT names it");
    let endpoint = options.endpoint().unwrap().to_owned();
    let error = S3Store::open(options).await.expect_err("the store does not open");
    let _ = writeln!(std::io::stderr(), "refused: {error}");
    assert!(matches!(error, S3OpenError::IgnoresConditions { .. }), "{error:?}");
    assert!(error.to_string().starts_with(&format!("{endpoint} does not honour `If-None-Match: *` (")));
}

/// Runs the suite on `s3s-fs`, a server of other authors. Its bucket is a folder with files, so it has limits: `a` and
/// `a/b` cannot both exist, the longest keys do not fit, and the name of a folder is answered with 500. It also checks
/// for an object before it writes, so that several of many concurrent creations succeed. Therefore these cases are left
/// out: `a_key_and_one_below_it_are_never_mixed`, `deleting_what_is_not_there_is_no_error`,
/// `keys_at_every_limit_are_held`, `what_is_not_there_is_not_found`, `of_many_creates_of_one_key_exactly_one_wins`, and
/// the cases with concurrent writes of one key, because the server does not replace bytes and tag together.
mod in_a_folder_of_s3s_fs {
    use crate::options;
    use ucupdate_store_s3::S3Store;
    use ucupdate_testkit::s3::S3Server;

    macro_rules! cases {
        ($($case:ident)*) => {
            $(
                #[tokio::test]
                async fn $case() {
                    let server = S3Server::start_in_a_folder().await;
                    let store = S3Store::open(options(&server)).await.expect("the store opens");
                    ucupdate_store::conformance::$case(store).await;
                }
            )*
        };
    }

    cases! {
        an_object_is_read_back_as_it_was_written
        a_large_object_is_read_back_whole
        what_is_written_is_seen_by_every_call_after
        create_refuses_an_existing_key_and_leaves_its_object
        create_takes_eight_mebibytes_and_not_one_byte_more
        put_replaces_an_object_whole
        an_error_in_the_bytes_leaves_the_old_object
        an_error_in_the_bytes_leaves_no_object_where_none_was
        an_unfinished_put_is_not_seen
        a_put_dropped_between_two_pieces_leaves_the_old_object
        a_deleted_object_is_gone_and_its_key_can_be_taken_again
        deleting_leaves_the_neighbours
        head_tells_what_get_and_put_tell
        a_range_gives_just_its_bytes
        a_range_that_ends_beyond_the_object_gives_what_there_is
        an_empty_range_is_no_error
        a_range_that_begins_beyond_the_object_is_refused
        a_range_that_ends_before_it_begins_is_refused
        keys_that_differ_in_case_are_never_mixed
        a_listing_is_sorted_by_bytes
        a_prefix_is_text_and_not_a_folder
        a_prefix_that_no_key_has_lists_nothing
        a_listing_goes_on_after_any_key
        a_listing_tells_what_head_tells
        pages_join_without_gap_or_repetition
        what_is_deleted_between_pages_disturbs_no_other
    }
}
