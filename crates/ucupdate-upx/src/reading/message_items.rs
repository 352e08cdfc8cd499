//! Which items of the table a message of each kind is made of, and what an element of it can be.

use crate::error::MessageKind;
use crate::names::{Item, NameScope};
use std::borrow::Cow;

/// The places of one kind of message.
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

pub(crate) struct OpenElement<'a> {
    pub(crate) name: &'a str,
    pub(crate) at: usize,
    pub(crate) role: ElementRole,
    pub(crate) text: Cow<'a, str>,
    pub(crate) overlong: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum ElementRole {
    /// A root, or a list: nothing of its own.
    Container,
    Module,
    Item(Item),
    /// Unknown, and where it is in the list of these, if it was kept.
    Unknown(Option<usize>),
}
