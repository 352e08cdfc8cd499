//! Finds the version schemes for devices in audit logs.

use ucupdate_core::decide::EligibilityIndex;
use ucupdate_core::device::DeviceKind;
use ucupdate_core::request::InstalledModule;
use ucupdate_core::value::Reported;
use ucupdate_core::version::{ReportedVersion, VersionScheme};
use ucupdate_core::{Device, Question};

/// Returns the version scheme of the rule for a device kind and a module. `None` if no rule is for
/// them.
pub(crate) fn scheme_of<'a>(
    index: &'a EligibilityIndex,
    kind: &DeviceKind,
    file_name: &str,
) -> Option<&'a VersionScheme> {
    let device =
        Device { kind: kind.clone(), mac_address: Reported::default(), serial_number: Reported::default() };
    let module = module_named(file_name);
    index.rule_of(&Question::new(&device, &module)).map(|rule| &rule.policy().scheme)
}

/// Returns a module of which only the file name is known.
pub(crate) fn module_named(file_name: &str) -> InstalledModule {
    InstalledModule {
        file_name: file_name.into(),
        version: ReportedVersion::new(""),
        time_stamp: Reported::default(),
    }
}
