//! The kind of a device, and a pattern of kinds, on the command line.

use crate::failure::Failure;
use ucupdate::book::RuleBook;
use ucupdate::device::{DeviceKind, DeviceType, HardwareRevision, KindPattern, Locale, Model, Vendor};
use ucupdate::version::VersionScheme;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct KindArgs {
    /// UCPhone, RoundTable, ...
    #[arg(long, value_name = "TYPE")]
    device_type: DeviceType,
    /// The vendor of the device
    #[arg(long)]
    vendor: Vendor,
    /// The model of the device
    #[arg(long)]
    model: Model,
    /// The hardware revision of the device
    #[arg(long, value_name = "REVISION")]
    hardware_revision: HardwareRevision,
    /// The locale of the device, such as ENU
    #[arg(long)]
    locale: Locale,
}

impl KindArgs {
    pub(crate) fn kind(&self) -> DeviceKind {
        let Self { device_type, vendor, model, hardware_revision, locale } = self.clone();
        DeviceKind { device_type, vendor, model, hardware_revision, locale }
    }
}

/// A pattern of kinds. An option that is given several times lists alternatives.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct KindPatternArgs {
    /// The device type, such as UCPhone
    #[arg(long, value_name = "TYPE")]
    device_type: Vec<DeviceType>,
    /// The vendor
    #[arg(long)]
    vendor: Vec<Vendor>,
    /// The model of the device
    #[arg(long)]
    model: Vec<Model>,
    /// The hardware revision
    #[arg(long, value_name = "REVISION")]
    hardware_revision: Vec<HardwareRevision>,
    /// The locale, such as ENU
    #[arg(long)]
    locale: Vec<Locale>,
}

impl KindPatternArgs {
    /// Returns the pattern with the given words replaced. Words that are not given keep their alternatives from
    /// `pattern`.
    pub(crate) fn in_place_of(self, pattern: KindPattern) -> KindPattern {
        fn given<T>(given: Vec<T>, own: Vec<T>) -> Vec<T> {
            if given.is_empty() { own } else { given }
        }
        let Self { device_type, vendor, model, hardware_revision, locale } = self;
        KindPattern {
            device_type: given(device_type, pattern.device_type),
            vendor: given(vendor, pattern.vendor),
            model: given(model, pattern.model),
            hardware_revision: given(hardware_revision, pattern.hardware_revision),
            locale: given(locale, pattern.locale),
        }
    }

    pub(crate) fn pattern(self) -> KindPattern {
        let Self { device_type, vendor, model, hardware_revision, locale } = self;
        KindPattern { device_type, vendor, model, hardware_revision, locale }
    }
}

/// Returns the version scheme of the rules for some kinds of device. `None` if there are no such rules. Fails
/// if the rules have several schemes.
pub(crate) fn scheme_of(kind: &KindPattern, book: &RuleBook) -> Result<Option<VersionScheme>, Failure> {
    let mut schemes: Vec<&VersionScheme> = Vec::new();
    for rule in book.rules().filter(|rule| kind.matches(rule.key().kind())) {
        let scheme = &rule.policy().scheme;
        if !schemes.contains(&scheme) {
            schemes.push(scheme);
        }
    }
    match schemes[..] {
        [] => Ok(None),
        [scheme] => Ok(Some(scheme.clone())),
        _ => {
            let schemes: Vec<String> = schemes.iter().map(ToString::to_string).collect();
            Err(Failure::usage(format_args!(
                "the rules of {kind} read versions in several schemes ({}), expected versions of numbers only, or devices whose \
                 rules have one scheme",
                schemes.join(", ")
            )))
        }
    }
}
