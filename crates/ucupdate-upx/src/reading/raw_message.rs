//! The items of one message as they were found, before they mean anything.

use crate::names::Item;
use std::borrow::Cow;

/// Something a body holds that the dialect does not know; kept as said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownItem {
    /// Where it stands among the elements: `/Request/Modules/Module/Size`, `/Request/@id`, `/Request/text()`.
    pub path: Box<str>,
    /// Where it begins, in bytes from the start of the body.
    pub at: usize,
    /// Its text, cut at [`Limits::text_bytes`].
    pub value: Box<str>,
}

/// What one message holds, before it means anything.
#[derive(Debug)]
pub(crate) struct RawMessage<'a> {
    /// The outermost element.
    pub(crate) root: &'a str,
    /// Whether the dialect calls the root so.
    pub(crate) root_is_known: bool,
    /// Items outside modules.
    pub(crate) items: Vec<FoundItem<'a>>,
    /// Items in modules, those of one module together.
    pub(crate) in_modules: Vec<FoundItem<'a>>,
    pub(crate) modules: Vec<RawModule>,
    pub(crate) unknown: Vec<UnknownItem>,
    pub(crate) unknown_count: usize,
    /// An item's name that belongs in a module, but stands outside any.
    pub(crate) outside_module: Option<(&'a str, usize)>,
    /// Namespaces the body declares, as prefix and name; only in a report.
    pub(crate) namespaces: Vec<(Box<str>, Box<str>)>,
}

/// Where one module's items are in [`RawMessage::in_modules`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawModule {
    pub(crate) at: usize,
    pub(crate) first: usize,
    pub(crate) end: usize,
}

/// An item that was found.
#[derive(Clone, Debug)]
pub(crate) struct FoundItem<'a> {
    pub(crate) item: Item,
    /// Whether it stands under an alias. The name it is written by prevails at the same depth.
    pub(crate) is_alias: bool,
    pub(crate) value: Cow<'a, str>,
    pub(crate) at: usize,
    pub(crate) depth: usize,
    pub(crate) twice: bool,
    /// Longer than the limit, so the value is not there.
    pub(crate) overlong: bool,
    /// Where it stands; only in a report.
    pub(crate) path: Box<str>,
}

impl<'a> RawMessage<'a> {
    /// The items of one module.
    pub(crate) fn module(&self, module: &RawModule) -> &[FoundItem<'a>] {
        self.in_modules.get(module.first..module.end).unwrap_or_default()
    }

    /// An item outside modules.
    #[inline]
    pub(crate) fn item(&self, item: Item) -> Option<&FoundItem<'a>> {
        find(&self.items, item)
    }
}

#[inline]
pub(crate) fn find<'f, 'a>(found: &'f [FoundItem<'a>], item: Item) -> Option<&'f FoundItem<'a>> {
    found.iter().find(|found| found.item == item)
}
