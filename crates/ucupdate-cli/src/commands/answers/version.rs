//! `ucupdate version`: shows how a version is read, and compares two versions.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::shown::Shown;
use serde::Serialize;
use std::cmp::Ordering;
use std::fmt;
use ucupdate::version::{ReportedVersion, VersionScheme};

#[derive(Debug, clap::Args)]
pub(crate) struct VersionArgs {
    /// The version, as a device or a package reports it
    a: String,
    /// Another version, to compare with
    b: Option<String>,
    /// The version scheme: dotnet, numeric, prefixed:PATTERN or prefixed-same:PATTERN
    #[arg(long, default_value_t)]
    scheme: VersionScheme,
}

/// The readings of the versions, and their comparison.
#[derive(Debug, Serialize)]
struct VersionReport {
    a: VersionReading,
    b: Option<VersionReading>,
    /// `<`, `=` or `>`. `None` if one of the versions has no order.
    order: Option<&'static str>,
    same_release: Option<bool>,
}

#[derive(Debug, Serialize)]
struct VersionReading {
    /// The version as given, without the blanks around it.
    version: String,
    /// The numbers of the version. `None` if it cannot be read.
    parts: Option<Vec<u32>>,
    /// The reason why the version cannot be read. `None` if it can.
    unreadable: Option<String>,
}

impl VersionReading {
    fn of(scheme: &VersionScheme, version: &ReportedVersion) -> Self {
        let read = scheme.read(version.as_str());
        let why = read.as_ref().err().map(ToString::to_string);
        Self {
            version: version.as_str().to_owned(),
            parts: read.ok().map(|version| version.parts().collect()),
            unreadable: why,
        }
    }
}

impl VersionReport {
    fn of(scheme: &VersionScheme, a: &str, b: Option<&str>) -> Self {
        let a = ReportedVersion::new(a);
        let b = b.map(ReportedVersion::new);
        Self {
            a: VersionReading::of(scheme, &a),
            order: b.as_ref().and_then(|b| scheme.compare(a.as_str(), b.as_str())).map(|order| match order {
                Ordering::Less => "<",
                Ordering::Equal => "=",
                Ordering::Greater => ">",
            }),
            same_release: b.as_ref().map(|b| scheme.is_same_release(&a, b)),
            b: b.as_ref().map(|b| VersionReading::of(scheme, b)),
        }
    }
}

impl fmt::Display for VersionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.a)?;
        let Some(b) = &self.b else { return Ok(()) };
        let (one, other) = (Shown(&self.a.version), Shown(&b.version));
        match self.order {
            Some(order) => write!(f, "\n{b}\n{one} {order} {other}")?,
            None => write!(f, "\n{b}\nno order between them")?,
        }
        write!(f, "\nsame release: {}", if self.same_release == Some(true) { "yes" } else { "no" })
    }
}

impl fmt::Display for VersionReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: ", self.version)?;
        match (&self.parts, &self.unreadable) {
            (Some(parts), _) => {
                let parts: Vec<String> = parts.iter().map(u32::to_string).collect();
                write!(f, "parts {}", parts.join(" "))
            }
            (None, why) => write!(f, "unreadable, {}", Shown(why.as_deref().unwrap_or("no reason"))),
        }
    }
}

pub(crate) async fn run(args: VersionArgs, context: &mut Context) -> Result<(), Failure> {
    let report = VersionReport::of(&args.scheme, &args.a, args.b.as_deref());
    context.output.result(&report)?;
    match [Some(&report.a), report.b.as_ref()].into_iter().flatten().find(|version| version.parts.is_none()) {
        None => Ok(()),
        Some(version) => {
            Err(Failure::not_understood(format_args!("version {:?} cannot be read", version.version)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        for (a, b, text) in [
            ("1.0.522", None, "\"1.0.522\": parts 1 0 522"),
            (
                "1.0.522",
                Some("1.0.522.0"),
                "\"1.0.522\": parts 1 0 522\n\"1.0.522.0\": parts 1 0 522 0\n1.0.522 < 1.0.522.0\nsame release: yes",
            ),
            (
                "3.5.6907.9",
                Some("3.5.6907.0"),
                "\"3.5.6907.9\": parts 3 5 6907 9\n\"3.5.6907.0\": parts 3 5 6907 0\n3.5.6907.9 > 3.5.6907.0\n\
                 same release: no",
            ),
            (
                "4.1b",
                Some("4.1b"),
                "\"4.1b\": unreadable, part 2 of the version contains 'b', expected digits\n\"4.1b\": unreadable, part 2 of \
                 the version contains 'b', expected digits\nno order between them\nsame release: yes",
            ),
            ("", None, "\"\": unreadable, version is blank, expected 2 to 4 numbers"),
        ] {
            assert_eq!(VersionReport::of(&VersionScheme::Dotnet, a, b).to_string(), text);
        }
    }
}
