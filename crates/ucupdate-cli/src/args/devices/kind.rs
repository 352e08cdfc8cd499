//! The kind of a device, and a pattern of kinds, on the command line.

use crate::failure::Failure;
use ucupdate::book::RuleBook;
use ucupdate::device::{DeviceKind, DeviceType, HardwareRevision, KindPattern, Locale, Model, Vendor};
use ucupdate::version::VersionScheme;

/// Defines the options of one device kind, and those of a pattern of kinds, from one list of fields.
macro_rules! kind_args {
    ($($(#[$option:meta])* $word:ident: $type:ident;)*) => {
        #[derive(Clone, Debug, clap::Args)]
        pub(crate) struct KindArgs {
            $($(#[$option])* $word: $type,)*
        }

        impl KindArgs {
            pub(crate) fn kind(&self) -> DeviceKind {
                DeviceKind { $($word: self.$word.clone(),)* }
            }
        }

        /// A pattern of kinds. An option that is given several times lists alternatives.
        #[derive(Clone, Debug, clap::Args)]
        pub(crate) struct KindPatternArgs {
            $($(#[$option])* $word: Vec<$type>,)*
        }

        impl KindPatternArgs {
            /// Returns `pattern` with the words that these options give. A word that no option
            /// gives keeps its alternatives from `pattern`.
            pub(crate) fn in_place_of(self, pattern: KindPattern) -> KindPattern {
                KindPattern {
                    $($word: if self.$word.is_empty() { pattern.$word } else { self.$word },)*
                }
            }

            pub(crate) fn pattern(self) -> KindPattern {
                KindPattern { $($word: self.$word,)* }
            }
        }
    };
}

kind_args! {
    /// The device type, such as UCPhone or RoundTable
    #[arg(long, value_name = "TYPE")]
    device_type: DeviceType;
    /// The vendor of the device
    #[arg(long)]
    vendor: Vendor;
    /// The model of the device
    #[arg(long)]
    model: Model;
    /// The hardware revision of the device
    #[arg(long, value_name = "REVISION")]
    hardware_revision: HardwareRevision;
    /// The locale of the device, such as ENU
    #[arg(long)]
    locale: Locale;
}

/// Returns the version scheme of the rules whose device kinds match `kind`. `None` if there are no
/// such rules. Fails if the rules have several schemes.
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
