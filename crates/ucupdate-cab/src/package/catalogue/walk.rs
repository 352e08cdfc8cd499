//! A walk over DER, element by element. Each element is checked for its tag, and each fault names its place.
//!
//! The `der` crate reads the header of an element. Its `SetOfVec` and the records of `cms` built on it are not used on
//! foreign bytes: they sort by insertion, so that a megabyte of small elements in reverse order holds a server for minutes.

use super::CatalogueError;
use der::asn1::{GeneralizedTime, ObjectIdentifier, UtcTime};
use der::{AnyRef, Decode, Reader, SliceReader, Tag, TagNumber};
use ucupdate_core::value::FieldTime;

/// One element of DER.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: Tag,
    /// The content.
    pub(super) value: &'a [u8],
    /// Tag, length and value.
    pub(super) whole: &'a [u8],
    place: &'static str,
    /// The begin, in bytes from the start of the catalogue.
    at: usize,
}

/// The elements that lie side by side in one place.
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    reader: SliceReader<'a>,
    place: &'static str,
    start: usize,
}

impl<'a> Walk<'a> {
    /// Returns a walk over `bytes`, which begin `start` bytes into the catalogue.
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

    /// Returns the next element of any kind; `None` at the end.
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

    /// Returns the next element, which must have this tag.
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

    /// Returns the next element if it has this tag; otherwise the element stays the next.
    pub(super) fn take(&mut self, tag: Tag) -> Result<Option<Element<'a>>, CatalogueError> {
        match self.reader.peek_tag() {
            Ok(found) if found == tag => self.step(),
            // The next step reports a tag that cannot be read.
            _ => Ok(None),
        }
    }

    /// Fails where another element follows.
    pub(super) fn end(mut self) -> Result<(), CatalogueError> {
        match self.step()? {
            None => Ok(()),
            Some(element) => Err(element.unexpected("the end")),
        }
    }
}

impl<'a> Element<'a> {
    /// Returns a walk over the content of the element; errors name it as `place`.
    pub(super) fn inside(&self, place: &'static str) -> Result<Walk<'a>, CatalogueError> {
        let header = self.whole.len().saturating_sub(self.value.len());
        Walk::new(self.value, place, self.at.saturating_add(header))
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

    /// Returns the element as an object identifier.
    pub(super) fn oid(&self) -> Result<ObjectIdentifier, CatalogueError> {
        self.read()
    }

    /// Returns the element as a time, of either kind that certificates use.
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

/// Returns the tag of a field that is marked by its number and holds other elements.
pub(super) const fn numbered(number: TagNumber) -> Tag {
    Tag::ContextSpecific { constructed: true, number }
}
