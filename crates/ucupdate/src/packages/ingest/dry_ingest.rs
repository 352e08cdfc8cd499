//! Dry runs of an ingest. They show the effects of a package before anything is stored.

use crate::admin::Admin;
use crate::error::ChangeError;
use crate::packages::ingest::IngestError;
use crate::packages::ingest::reading::{PackageReading, ended, feed_all};
use crate::packages::record::{notes_of, record};
use crate::state::dry_run::DryRun;
use std::sync::atomic::AtomicU64;
use ucupdate_cab::package::{NoSink, Package};
use ucupdate_core::book::IngestId;
use ucupdate_store::ByteStream;

impl Admin<'_> {
    /// Returns what [`ingest_parts`](Self::ingest_parts) would do now. Nothing is stored, and nothing changes.
    ///
    /// A note of the kind `deployed-at-ingest` names each version that would go to every device without an approval.
    ///
    /// # Errors
    /// Those of [`ingest_parts`](Self::ingest_parts): a package that would be refused is refused here too.
    pub async fn dry_run_ingest(
        self,
        file_name: &str,
        parts: Vec<ByteStream>,
    ) -> Result<IngestDryRun, IngestError> {
        let service = self.service;
        let options = service.inner.options.ingest.clone();
        let readers = &service.inner.package_readers;
        let PackageReading { reader, inputs } = PackageReading::begin(readers, options, parts, NoSink).await;
        feed_all(inputs, &AtomicU64::new(0)).await?;
        let package = ended(reader).await??;
        if package.is_refused() {
            return Err(IngestError::Refused(Box::new(package)));
        }
        service.refresh().await.map_err(ChangeError::from)?;
        let record = record(service, IngestId::from_bits(0), &package, file_name);
        let before = service.snapshot();
        let known = before.book().package(record.id()).filter(|known| known.sha256 == record.sha256);
        let mut change = before.book().ingest(known.unwrap_or(&record)).map_err(ChangeError::from)?;
        change.notes.extend(notes_of(&package, &record));
        Ok(IngestDryRun { package, run: DryRun::compile(before, change).await? })
    }
}

/// The result of [`Admin::dry_run_ingest`].
#[derive(Debug)]
#[non_exhaustive]
pub struct IngestDryRun {
    /// The content of the package, and warnings about it.
    pub package: Package,
    /// The dry run of the change. Its rule book names files of the package that are not in the
    /// store.
    pub run: DryRun,
}
