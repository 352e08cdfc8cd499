//! The items that each kind of message consists of, and the roles that XML elements can have in a message.

use crate::error::MessageKind;
use crate::names::{Item, NameScope};
use std::borrow::Cow;

/// The items that the reader looks for in a request or in a response, and the scopes ([`NameScope`]) of their
/// names.
#[derive(Clone, Copy)]
pub(crate) struct MessageItems {
    pub(crate) root: Item,
    pub(crate) message: NameScope,
    pub(crate) list: Item,
    pub(crate) module: Item,
    pub(crate) in_module: NameScope,
    pub(crate) file_name: Item,
}

impl MessageItems {
    pub(crate) const fn of(kind: MessageKind) -> Self {
        match kind {
            MessageKind::Request => Self {
                root: Item::RequestRoot,
                message: NameScope::Request,
                list: Item::RequestModules,
                module: Item::RequestModule,
                in_module: NameScope::RequestModule,
                file_name: Item::FileName,
            },
            MessageKind::Response => Self {
                root: Item::ResponseRoot,
                message: NameScope::Response,
                list: Item::ResponseModules,
                module: Item::ResponseModule,
                in_module: NameScope::ResponseModule,
                file_name: Item::OfferedFileName,
            },
        }
    }
}

/// An element whose end was not read yet.
pub(crate) struct OpenElement<'a> {
    pub(crate) name: &'a str,
    pub(crate) at: usize,
    pub(crate) role: ElementRole,
    /// `true` if the name of the element is an alias of its item, and not the name that is written.
    pub(crate) is_alias: bool,
    pub(crate) text: Cow<'a, str>,
    pub(crate) overlong: bool,
}

/// The role of an XML element in a message, as the dialect knows it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum ElementRole {
    /// The root, or the element around all modules. It has no value of its own.
    Container,
    Module,
    Item(Item),
    /// An unknown item, with its index in the list of unknown items if it was kept.
    Unknown(Option<usize>),
}
