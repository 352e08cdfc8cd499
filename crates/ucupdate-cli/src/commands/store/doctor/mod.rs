//! `ucupdate doctor`: whether a store, its rules and its URLs are in order.

mod disk;
mod report;

use crate::context::{Context, IfMissing};
use crate::failure::{Failure, FailureKind};
use crate::files;
use report::Report;
use std::path::PathBuf;
use std::time::SystemTime;
use ucupdate::value::{Counted, UnixTime};
use ucupdate::{CheckOptions, Checked, Finding, Origin, Severity, UpdateService, check_store};
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
    let mut checks = Vec::new();
    match context.administer(IfMissing::Refuse).await {
        Ok(service) => {
            checks.extend(service.examine(args.quick).await);
            checks
                .extend(context.store_folder().map(|folder| disk::check(folder, service.snapshot().book())));
            checks.extend(examination(args, roots).run(&service).await?);
            checks.extend(sign_in(&service));
        }
        Err(Failure::Explained(kind, reason)) if kind != FailureKind::NotFound => {
            checks.extend(unreadable(&reason, args.quick, context).await?);
        }
        Err(failure) => return Err(failure),
    }
    let report = Report::of(checks);
    context.output.result(&report)?;
    match report.problems {
        0 => Ok(()),
        some => {
            let problems = Counted::new(some, "problem").with_verb("was", "were");
            Err(Failure::new(format_args!("{problems} found")))
        }
    }
}

/// Returns the examination of the URLs that are given.
fn examination(args: DoctorArgs, roots: Option<Vec<u8>>) -> UrlExamination {
    let examination = UrlExamination::default();
    let examination = args.internal_url.into_iter().fold(examination, UrlExamination::with_internal);
    let examination = args.external_url.into_iter().fold(examination, UrlExamination::with_external);
    roots.into_iter().fold(examination, UrlExamination::with_root_certificates)
}

/// Returns what is wrong with a store whose rule book cannot be read.
async fn unreadable(reason: &str, quick: bool, context: &Context) -> Result<Vec<Checked>, Failure> {
    let store = context.open_store(IfMissing::Refuse).await?;
    let found =
        check_store(&*store, &CheckOptions::default().with_quick(quick), UnixTime::from(SystemTime::now()))
            .await?;
    let unread = Finding::new(
        "rule-book-unreadable",
        Severity::Problem,
        "store",
        format!("the rule book cannot be read: {reason}"),
        "a history that can be read".to_owned(),
        "repair the history as the other findings say, then run this again".to_owned(),
    );
    let findings = std::iter::once(unread).chain(found.problems.iter().map(Finding::from));
    Ok(vec![Checked::new("history and images", findings.collect())])
}

/// Returns the note on phones that cannot sign in because they are too old. No file of this store says whether they can.
fn sign_in(service: &UpdateService) -> Option<Checked> {
    let snapshot = service.snapshot();
    let mut rules = snapshot.book().rules();
    rules.any(|rule| rule.key().kind().device_type.as_str().eq_ignore_ascii_case("UCPhone")).then(|| {
        let note = Finding::new(
            "client-version-filter",
            Severity::Note,
            "the sign-in server",
            "the sign-in server may refuse old phones by its client version filter, before they are updated; this \
             cannot be seen from here"
                .to_owned(),
            "a filter that lets OCPhone 1.0.199 and later in".to_owned(),
            "type `ucupdate client-filter check OCPhone/1.0.452.0 --allow RULE` with the rules of that filter"
                .to_owned(),
        );
        Checked::new("sign-in of old phones", vec![note])
    })
}
