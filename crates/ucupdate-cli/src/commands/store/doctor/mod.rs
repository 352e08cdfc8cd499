//! `ucupdate doctor`: checks a store, its rules and its URLs.

mod report;

use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::files;
use report::DoctorReport;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;
use ucupdate::value::Counted;
use ucupdate::{Options, Origin, UpdateService, examine_disk, examine_unreadable};
use ucupdate_http::UrlExamination;

#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// The origin at which internal devices reach the server. Its name, its certificate and its answers are checked
    /// too
    #[arg(long, value_name = "ORIGIN")]
    internal_url: Option<Origin>,
    /// The origin at which external devices reach the server
    #[arg(long, value_name = "ORIGIN")]
    external_url: Option<Origin>,
    /// Also trust the certificates in this PEM file
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
    /// Check only that images exist with the right size, without reading them
    #[arg(long)]
    quick: bool,
}

pub(crate) async fn run(args: DoctorArgs, context: &mut Context) -> Result<(), Failure> {
    let ca_cert = args.ca_cert.clone();
    let roots = files::blocking(move || ca_cert.map(|path| files::certificates(&path)).transpose()).await?;
    let store = context.open_store(IfMissing::Refuse).await?;
    let opened = UpdateService::open(Arc::clone(&store), Options::default()).await;
    if !args.quick {
        let progress = &context.output.progress;
        progress.reads("verifying", progress.size_of(&*store, &["images/", "state/"]).await);
    }
    let checks = match opened {
        Ok(service) => {
            let mut checks = service.examine(args.quick).await;
            let disk = |folder| examine_disk(folder, service.snapshot().book());
            checks.extend(context.store_folder().map(disk));
            let progress = context.output.progress.clone();
            let examination = examination(args, roots).with_step_notice(move |step| progress.waits_for(step));
            checks.extend(examination.run(&service).await?);
            checks
        }
        Err(error) => {
            vec![examine_unreadable(&*store, &error, args.quick, SystemTime::now().into()).await]
        }
    };
    let report = DoctorReport::of(checks);
    context.output.result(&report)?;
    match report.problems {
        0 => Ok(()),
        some => {
            let problems = Counted::new(some, "problem").with_verb("was", "were");
            Err(Failure::new(format_args!("{problems} found")))
        }
    }
}

/// Returns the examination of the given URLs. `roots` has certificates to trust, in PEM.
fn examination(args: DoctorArgs, roots: Option<Vec<u8>>) -> UrlExamination {
    let examination = UrlExamination::default();
    let examination = args.internal_url.into_iter().fold(examination, UrlExamination::with_internal);
    let examination = args.external_url.into_iter().fold(examination, UrlExamination::with_external);
    roots.into_iter().fold(examination, UrlExamination::with_root_certificates)
}
