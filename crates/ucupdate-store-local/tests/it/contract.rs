//! Checks that `LocalStore` keeps the contract of `ImageStore`.

use std::sync::Arc;
use tempfile::TempDir;
use ucupdate_store::ImageStore;
use ucupdate_store_local::LocalStore;
use ucupdate_testkit::crash::CrashDisk;

fn fresh() -> (LocalStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (LocalStore::open(folder.path()).unwrap(), folder)
}

mod as_a_value {
    ucupdate_store::conformance_suite!(super::fresh());
}

mod as_a_trait_object {
    use super::*;
    ucupdate_store::conformance_suite!({
        let (store, folder) = fresh();
        (Arc::new(store) as Arc<dyn ImageStore>, folder)
    });
}

mod on_a_disk_that_folds_case {
    use super::*;
    ucupdate_store::conformance_suite!(LocalStore::with_disk(Arc::new(CrashDisk::folding_case())).unwrap());
}
