//! Reads DER element by element. The caller states the tag that it expects. Each error states the
//! part of the catalogue and the offset.
//!
//! The `der` crate reads the header of an element. Its `SetOfVec` and the types of `cms` that use
//! it are not used on untrusted bytes. These types use insertion sort, so a megabyte of small
//! elements in reverse order would take minutes.

use super::CatalogueError;
use der::asn1::{GeneralizedTime, ObjectIdentifier, UtcTime};
use der::{AnyRef, Decode, Reader, SliceReader, Tag, TagNumber};
use ucupdate_core::value::FieldTime;

/// One element of DER.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: Tag,
    pub(super) value: &'a [u8],
    /// The whole element: tag, length and content.
    pub(super) whole: &'a [u8],
    place: &'static str,
    /// The offset of the element in the catalogue, in bytes.
    at: usize,
}

/// Reader of the elements that follow one another inside one element, or in the whole catalogue.
pub(super) struct ElementWalk<'a> {
    bytes: &'a [u8],
    reader: SliceReader<'a>,
    place: &'static str,
    start: usize,
}

impl<'a> ElementWalk<'a> {
    /// Creates a walk over `bytes`, which begin at offset `start` of the catalogue. `place` is the
    /// name of this part of the catalogue in errors.
    pub(super) fn new(bytes: &'a [u8], place: &'static str, start: usize) -> Result<Self, CatalogueError> {
        let reader = SliceReader::new(bytes).map_err(|error| CatalogueError::Der {
            place,
            at: start,
            cause: error.kind().to_string(),
        })?;
        Ok(Self { bytes, reader, place, start })
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.position()).unwrap_or(usize::MAX)
    }

    /// Returns the next element of any kind. `None` at the end.
    pub(super) fn step(&mut self) -> Result<Option<Element<'a>>, CatalogueError> {
        if self.reader.is_finished() {
            return Ok(None);
        }
        let from = self.position();
        let at = self.start.saturating_add(from);
        let any = AnyRef::decode(&mut self.reader).map_err(|error| CatalogueError::Der {
            place: self.place,
            at,
            cause: error.kind().to_string(),
        })?;
        let whole = self.bytes.get(from..self.position()).unwrap_or_default();
        Ok(Some(Element { tag: der::Tagged::tag(&any), value: any.value(), whole, place: self.place, at }))
    }

    /// Returns the next element. Fails if it does not have this tag.
    pub(super) fn expect(&mut self, tag: Tag) -> Result<Element<'a>, CatalogueError> {
        match self.step()? {
            Some(element) => element.tagged(tag),
            None => Err(CatalogueError::Unexpected {
                place: self.place,
                at: self.start.saturating_add(self.bytes.len()),
                expected: tag.to_string(),
                found: "the end".to_owned(),
            }),
        }
    }

    /// Returns the next element if it has this tag. Otherwise returns `None`, and the walk stays
    /// before the element.
    pub(super) fn take(&mut self, tag: Tag) -> Result<Option<Element<'a>>, CatalogueError> {
        match self.reader.peek_tag() {
            Ok(found) if found == tag => self.step(),
            // The next step reports an unreadable tag.
            _ => Ok(None),
        }
    }

    /// Checks that no element follows.
    pub(super) fn end(mut self) -> Result<(), CatalogueError> {
        match self.step()? {
            None => Ok(()),
            Some(element) => Err(element.unexpected("the end")),
        }
    }
}

impl<'a> Element<'a> {
    /// Returns a walk over the content of the element. `place` is the name of this content in
    /// errors.
    pub(super) fn inside(&self, place: &'static str) -> Result<ElementWalk<'a>, CatalogueError> {
        let header = self.whole.len().saturating_sub(self.value.len());
        ElementWalk::new(self.value, place, self.at.saturating_add(header))
    }

    pub(super) fn tagged(self, tag: Tag) -> Result<Self, CatalogueError> {
        if self.tag == tag { Ok(self) } else { Err(self.unexpected(&tag.to_string())) }
    }

    pub(super) fn unexpected(&self, expected: &str) -> CatalogueError {
        CatalogueError::Unexpected {
            place: self.place,
            at: self.at,
            expected: expected.to_owned(),
            found: self.tag.to_string(),
        }
    }

    fn read<T: Decode<'a>>(&self) -> Result<T, CatalogueError> {
        T::from_der(self.whole).map_err(|error| self.der_error(error))
    }

    pub(super) fn der_error(&self, error: der::Error) -> CatalogueError {
        CatalogueError::Der { place: self.place, at: self.at, cause: error.kind().to_string() }
    }

    pub(super) fn oid(&self) -> Result<ObjectIdentifier, CatalogueError> {
        self.read()
    }

    /// Reads the element as a time, in one of the two forms of certificates.
    pub(super) fn time(&self) -> Result<FieldTime, CatalogueError> {
        let time = match self.tag {
            Tag::UtcTime => self.read::<UtcTime>()?.to_date_time(),
            Tag::GeneralizedTime => self.read::<GeneralizedTime>()?.to_date_time(),
            _ => return Err(self.unexpected("a time")),
        };
        FieldTime::new((time.year(), time.month(), time.day()), (time.hour(), time.minutes(), time.seconds()))
            .ok_or_else(|| self.unexpected("a time of the calendar"))
    }
}

/// Returns the context-specific tag `[number]` of ASN.1, for a field that contains other elements.
pub(super) const fn numbered(number: TagNumber) -> Tag {
    Tag::ContextSpecific { constructed: true, number }
}
