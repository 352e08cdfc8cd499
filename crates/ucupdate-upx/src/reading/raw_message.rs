//! The items of one message before they are interpreted.

use crate::names::Item;
use std::borrow::Cow;

/// An item of a body that the dialect does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownItem {
    /// The path of the item, such as `/Request/Modules/Module/Size`, `/Request/@id` or `/Request/text()`.
    pub path: Box<str>,
    /// The position of the item, in bytes from the start of the body.
    pub at: usize,
    /// The text of the item, cut at [`DecodeLimits::text_bytes`](crate::DecodeLimits::text_bytes).
    pub value: Box<str>,
}

#[derive(Debug)]
pub(crate) struct RawMessage<'a> {
    /// The name of the outermost element.
    pub(crate) root: &'a str,
    /// `true` if the dialect knows the name of the root.
    pub(crate) root_is_known: bool,
    pub(crate) items: Vec<FoundItem<'a>>,
    /// The items inside modules, grouped by module.
    pub(crate) in_modules: Vec<FoundItem<'a>>,
    pub(crate) modules: Vec<RawModule>,
    pub(crate) unknown: Vec<UnknownItem>,
    pub(crate) unknown_count: usize,
    /// The name and the position of an item that is outside the modules, but belongs in one.
    pub(crate) outside_module: Option<(&'a str, usize)>,
    /// The prefix and name of each declared namespace. Filled for reports only.
    pub(crate) namespaces: Vec<(Box<str>, Box<str>)>,
}

/// The range of one module's items in [`RawMessage::in_modules`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawModule {
    pub(crate) at: usize,
    pub(crate) first: usize,
    pub(crate) end: usize,
}

/// An item of the dialect that was found.
#[derive(Clone, Debug)]
pub(crate) struct FoundItem<'a> {
    pub(crate) item: Item,
    /// `true` if the item was found under an alias. The written name has priority at the same depth.
    pub(crate) is_alias: bool,
    pub(crate) value: Cow<'a, str>,
    pub(crate) at: usize,
    pub(crate) depth: usize,
    pub(crate) twice: bool,
    /// `true` if the text was longer than the limit. Then `value` is cut at the limit.
    pub(crate) overlong: bool,
    /// The path of the item. It is set for reports, and for an item that a later one may replace.
    /// Otherwise it is empty.
    pub(crate) path: Box<str>,
}

impl<'a> RawMessage<'a> {
    pub(crate) fn module(&self, module: &RawModule) -> &[FoundItem<'a>] {
        self.in_modules.get(module.first..module.end).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn item(&self, item: Item) -> Option<&FoundItem<'a>> {
        find(&self.items, item)
    }
}

#[inline]
pub(crate) fn find<'f, 'a>(found: &'f [FoundItem<'a>], item: Item) -> Option<&'f FoundItem<'a>> {
    found.iter().find(|found| found.item == item)
}
