//! Questions. A question is one module of one device, and the origin of the request.

use crate::book::RuleKey;
use crate::book::with_last;
use crate::device::Device;
use crate::request::message::{InstalledModule, Side, UpdateRequest};
use std::net::IpAddr;

/// The side and the address from which a request came. A group may be defined by one of them (see
/// [`Predicate`](crate::book::Predicate)). If it is unknown, the device is not in such a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a literal is how it is made")]
pub struct AskedFrom {
    /// The side from which the device asks. `None` if it is unknown.
    pub side: Option<Side>,
    /// The address from which the device asks. `None` if it is unknown.
    pub address: Option<IpAddr>,
}

/// The question that [`decide`](crate::decide::decide) answers: one module of one device.
///
/// ```
/// use ucupdate_core::Question;
/// use ucupdate_core::request::{AskedFrom, Side};
/// # use ucupdate_testkit::field::{module, phone};
/// # let device = phone(&"UCPhone/Polycom/CX700/A/ENU/CPE".parse()?);
/// # let module = module("1.0.452.0");
/// let question = Question::new(&device, &module)
///     .by_user("ann@contoso.com")
///     .from(AskedFrom { side: Some(Side::Internal), address: Some("10.1.1.123".parse().unwrap()) });
/// assert_eq!(question.module.version.as_str(), "1.0.452.0");
/// # Ok::<(), ucupdate_core::value::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
#[must_use]
pub struct Question<'a> {
    /// The device that asks.
    pub device: &'a Device,
    /// The module that the decision is about.
    pub module: &'a InstalledModule,
    /// The user who signed in last. It is blank if no user signed in.
    pub user_name: &'a str,
    /// The side and the address that the request came from.
    pub from: AskedFrom,
    /// All modules of the request, and the index of the module that the question is about. The list is empty if
    /// the other modules are not known.
    pub(crate) siblings: (&'a [InstalledModule], usize),
}

impl<'a> Question<'a> {
    /// Creates the question of a device about a module. The user is blank, and the origin is unknown.
    #[inline]
    pub fn new(device: &'a Device, module: &'a InstalledModule) -> Self {
        Self { device, module, user_name: "", from: AskedFrom::default(), siblings: (&[], 0) }
    }

    /// Sets the user who signed in last.
    #[inline]
    pub fn by_user(self, user_name: &'a str) -> Self {
        Self { user_name, ..self }
    }

    /// Sets the side and the address that the request came from. Without this, both are unknown.
    #[inline]
    pub fn from(self, from: AskedFrom) -> Self {
        Self { from, ..self }
    }

    /// Sets all modules of the request. `asked` is the index of the module that the question is about.
    pub(crate) fn among(self, modules: &'a [InstalledModule], asked: usize) -> Self {
        Self { siblings: (modules, asked), ..self }
    }

    /// Returns the other modules of the request.
    pub(crate) fn other_modules(&self) -> impl Iterator<Item = &'a InstalledModule> {
        let (modules, asked) = self.siblings;
        modules.iter().enumerate().filter(move |(at, _)| *at != asked).map(|(_, module)| module)
    }

    /// Returns the words that a rule for this question must have: those of the device's kind, and the stem of
    /// the module's file name as the update type. They are in the order of a [`RuleKey`](crate::RuleKey).
    #[inline]
    pub(crate) fn words(&self) -> [&'a str; RuleKey::WORD_COUNT] {
        with_last(self.device.kind.words(), self.module.update_type_stem())
    }

    /// Returns the questions of a request, one for each module.
    pub fn all_of(request: &'a UpdateRequest, from: AskedFrom) -> impl ExactSizeIterator<Item = Self> {
        let modules = &request.modules[..];
        modules.iter().enumerate().map(move |(at, module)| Self {
            device: &request.device,
            module,
            user_name: &request.user_name,
            from,
            siblings: (modules, at),
        })
    }
}
