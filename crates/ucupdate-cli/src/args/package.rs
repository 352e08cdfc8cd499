//! Options for reading cabinets and packages.

use super::number::any_number;
use crate::failure::Failure;
use crate::suggest::nearest;
use clap::Args;
use ucupdate_cab::package::{PackageLimits, PackageOptions};
use ucupdate_cab::{CabinetLimits, CabinetOptions, CodePage};

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CabinetArgs {
    /// The code page of file names that are not UTF-8, such as 932 for Japanese or 437 for DOS [default: 1252]
    #[arg(long, value_name = "NUMBER", value_parser = code_page)]
    code_page: Option<CodePage>,
    /// Change a limit, such as `files=20000`. The message about a limit that was reached names the limit
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = limit)]
    limits: Vec<(String, u64)>,
    /// Read the cabinet that begins at this byte of the file, if the file has several
    #[arg(long, value_name = "BYTE", value_parser = any_number::<u64>)]
    cabinet_at: Option<u64>,
    /// Refuse an irregular cabinet, such as one whose files share bytes, instead of printing a warning
    #[arg(long)]
    strict: bool,
}

/// Pairs of limits. A value of the first limit above that of the second one has no effect, because
/// the second limit is reached first.
const WITHIN: [(&str, &str); 5] = [
    ("file_bytes", "total_output_bytes"),
    ("name_bytes", "table_bytes"),
    ("manifest_bytes", "kept_bytes"),
    ("catalogue_bytes", "kept_bytes"),
    ("kept_bytes", "total_output_bytes"),
];

impl CabinetArgs {
    /// Checks that each limit that is set can be reached. Fails when a limit is set twice, or above another
    /// limit that is always reached first.
    fn check(&self) -> Result<(), Failure> {
        let set = |wanted: &str| {
            let mut found = self.limits.iter().filter(move |(name, _)| name == wanted);
            found.next_back().map(|(_, number)| *number)
        };
        let number = |name: &str| {
            set(name).or_else(|| CabinetLimits::default().named(name)).or_else(|| {
                PackageLimits::default().named(name).and_then(|number| u64::try_from(number).ok())
            })
        };
        for (name, given) in &self.limits {
            if set(name) != Some(*given) {
                return Err(Failure::usage(format_args!("--limit {name} is set twice, expected one number")));
            }
            let above = WITHIN.iter().filter(|(inner, _)| inner == name);
            for (inner, outer) in above {
                let Some(most) = number(outer).filter(|most| given > most) else { continue };
                return Err(Failure::usage(format_args!(
                    "--limit {inner}={given} contradicts the limit {outer}, which is {most} and would be reached first; \
                     set --limit {outer}=NUMBER to {given} or more too"
                )));
            }
        }
        Ok(())
    }

    /// Returns the options for reading cabinets. Fails when the limits contradict each other.
    pub(crate) fn options(&self) -> Result<CabinetOptions, Failure> {
        self.check()?;
        let mut limits = CabinetLimits::default();
        for (name, number) in &self.limits {
            limits = limits.clone().with_named(name, *number).unwrap_or(limits);
        }
        let mut options = CabinetOptions::default().with_limits(limits).with_strict(self.strict);
        if let Some(code_page) = self.code_page {
            options = options.with_code_page(code_page);
        }
        if let Some(offset) = self.cabinet_at {
            options = options.with_offset(offset);
        }
        Ok(options)
    }

    /// Returns the largest size of a cabinet in bytes: `--limit cabinet_bytes`, or its default.
    pub(crate) fn cabinet_bytes(&self) -> u64 {
        let given =
            self.limits.iter().rev().find(|(name, _)| name == "cabinet_bytes").map(|(_, number)| *number);
        given.or_else(|| CabinetLimits::default().named("cabinet_bytes")).unwrap_or(u64::MAX)
    }

    /// Returns the limits for packages. Limits that are not given have their defaults.
    fn package_limits(&self) -> PackageLimits {
        let mut limits = PackageLimits::default();
        for (name, number) in &self.limits {
            let number = usize::try_from(*number).unwrap_or(usize::MAX);
            limits = limits.clone().with_named(name, number).unwrap_or(limits);
        }
        limits
    }
}

/// Options for reading cabinets and the packages in them.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PackageArgs {
    #[command(flatten)]
    pub(crate) cabinet: CabinetArgs,
    /// Accept images whose signature catalogue exists but cannot be read or compared. The history records this
    #[arg(long)]
    accept_unreadable_catalogue: bool,
    /// Ignore unknown names in the manifest that look like a restriction, such as HardwareRange. The history records
    /// this
    #[arg(long)]
    ignore_unknown_restriction: bool,
}

impl PackageArgs {
    /// Returns the options for reading packages.
    pub(crate) fn options(&self) -> PackageOptions {
        PackageOptions::default()
            .with_limits(self.cabinet.package_limits())
            .with_unreadable_catalogues_accepted(self.accept_unreadable_catalogue)
            .with_unknown_narrowing_ignored(self.ignore_unknown_restriction)
    }
}

fn code_page(text: &str) -> Result<CodePage, String> {
    let number = text.parse().map_err(|_| "expected the number of a code page, such as 932".to_owned())?;
    CodePage::from_number(number).ok_or_else(|| {
        format!("code page {number} is not known; expected 437, 850, 874, 932, 936, 949, 950, 1250 to 1258 or 65001")
    })
}

fn limit(text: &str) -> Result<(String, u64), String> {
    let names = || [CabinetLimits::NAMES, PackageLimits::NAMES].concat().join(", ");
    let (name, number) =
        text.split_once('=').ok_or_else(|| "expected NAME=NUMBER, such as files=20000".to_owned())?;
    if !CabinetLimits::NAMES.contains(&name) && !PackageLimits::NAMES.contains(&name) {
        let known = [CabinetLimits::NAMES, PackageLimits::NAMES].concat();
        let meant = nearest(name, known.iter()).map(|meant| format!("; did you mean {meant}?"));
        return Err(format!(
            "no limit is called {name:?}; expected one of {}{}",
            names(),
            meant.unwrap_or_default()
        ));
    }
    let number =
        number.replace('_', "").parse().map_err(|_| format!("expected a number, found {number:?}"))?;
    Ok((name.to_owned(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_set_by_the_names_in_messages() {
        assert_eq!(limit("files=20_000"), Ok(("files".to_owned(), 20_000)));
        assert_eq!(limit("releases=1"), Ok(("releases".to_owned(), 1)));
        assert!(
            limit("colour=1")
                .unwrap_err()
                .contains("no limit is called \"colour\"; expected one of cabinet_bytes, ")
        );
        assert!(limit("files").is_err() && limit("files=many").is_err());
        assert!(code_page("932").is_ok() && code_page("7").is_err() && code_page("x").is_err());
    }

    #[test]
    fn a_limit_above_one_that_is_reached_first_is_refused() {
        let check = |limits: &[(&str, u64)]| {
            let limits = limits.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
            match (CabinetArgs { limits, ..CabinetArgs::default() }).check() {
                Err(Failure::Explained(_, reason)) => reason,
                _ => String::new(),
            }
        };
        assert_eq!(
            check(&[("file_bytes", 5 << 30)]),
            "--limit file_bytes=5368709120 contradicts the limit total_output_bytes, which is 4294967296 and would be \
             reached first; set --limit total_output_bytes=NUMBER to 5368709120 or more too"
        );
        assert_eq!(check(&[("file_bytes", 5 << 30), ("total_output_bytes", 6 << 30)]), "");
        assert_eq!(check(&[("total_output_bytes", 1000)]), "", "a lower limit is no contradiction");
        assert!(check(&[("catalogue_bytes", 65 << 20)]).contains("the limit kept_bytes, which is 67108864"));
        assert_eq!(check(&[("files", 1), ("files", 2)]), "--limit files is set twice, expected one number");
        for (inner, outer) in WITHIN {
            let known = |name| CabinetLimits::NAMES.contains(&name) || PackageLimits::NAMES.contains(&name);
            assert!(known(inner) && known(outer), "{inner} {outer}");
        }
    }
}
