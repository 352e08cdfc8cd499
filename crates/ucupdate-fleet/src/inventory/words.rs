//! [`TextTable`]: a table in which each text is stored once and is found by an index.

use foldhash::fast::RandomState;
use std::hash::BuildHasher as _;

/// The texts of an inventory. Each text is stored once. Its number is its index in this table.
#[derive(Clone, Debug)]
pub(super) struct TextTable {
    /// All texts, one after another.
    texts: String,
    /// The end of each text in `texts`. The index is the number of the text. Text number 0 is
    /// empty.
    ends: Vec<u32>,
    /// A hash table with open addressing, which finds the number of a text by the text. Its length
    /// is a power of two. 0 marks a free slot, because the table does not contain the empty text.
    slots: Vec<u32>,
    hasher: RandomState,
    most_bytes: usize,
    dropped: u64,
}

impl TextTable {
    /// Creates an empty table for texts of at most `most_bytes` bytes together.
    pub(super) fn new(most_bytes: usize) -> Self {
        Self {
            texts: String::new(),
            ends: vec![0],
            slots: vec![0; 64],
            hasher: RandomState::default(),
            most_bytes: most_bytes.min(u32::MAX as usize),
            dropped: 0,
        }
    }

    /// Returns the number of a text, and adds the text if it is new. Returns 0, the number of the
    /// empty text, if there is no room.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let at = match self.find(text) {
            Ok(number) => return number,
            Err(at) => at,
        };
        let end = self.texts.len() + text.len();
        let (Ok(number), Ok(end)) = (u32::try_from(self.ends.len()), u32::try_from(end)) else { return 0 };
        if end as usize > self.most_bytes {
            self.dropped += 1;
            return 0;
        }
        self.texts.push_str(text);
        self.ends.push(end);
        self.slots[at] = number;
        if self.ends.len() * 4 > self.slots.len() * 3 {
            self.grow();
        }
        number
    }

    /// Returns the number of a text, and adds the text if it is new. Pass a guess of the number as `likely`. If the
    /// guess is right, this is faster than [`number`](Self::number).
    pub(super) fn number_near(&mut self, likely: u32, text: &str) -> u32 {
        if self.text(likely) == text { likely } else { self.number(text) }
    }

    /// Returns the text with this number. Empty for an unknown number.
    pub(super) fn text(&self, number: u32) -> &str {
        let number = number as usize;
        let Some(end) = self.ends.get(number) else { return "" };
        let begin = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.texts[begin as usize..*end as usize]
    }

    /// Returns how often there was no room for a text.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns the number of a text. If the table does not have the text, the error is the index of the free slot
    /// for it.
    fn find(&self, text: &str) -> Result<u32, usize> {
        let mut at = self.place(text);
        loop {
            match self.slots[at] {
                0 => return Err(at),
                number if self.text(number) == text => return Ok(number),
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// Returns the index of the slot at which the search for a text begins.
    #[allow(clippy::cast_possible_truncation, reason = "only the low bits of the hash are used")]
    fn place(&self, text: &str) -> usize {
        self.hasher.hash_one(text) as usize & (self.slots.len() - 1)
    }

    fn grow(&mut self) {
        self.slots = vec![0; self.slots.len() * 2];
        for number in (1..).take(self.ends.len() - 1) {
            if let Err(at) = self.find(self.text(number)) {
                self.slots[at] = number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_one_number_and_reads_back() {
        let mut words = TextTable::new(1 << 20);
        let numbers: Vec<u32> = (0..5000).map(|text| words.number(&text.to_string())).collect();
        for (text, number) in numbers.iter().enumerate() {
            let text = text.to_string();
            assert_eq!(words.number(&text), *number);
            assert_eq!(words.text(*number), text);
        }
        assert_eq!((words.number(""), words.text(0), words.text(u32::MAX), words.dropped()), (0, "", "", 0));
    }

    #[test]
    fn a_text_without_room_is_empty_and_counted() {
        let mut words = TextTable::new(4);
        let (four, more) = (words.number("four"), words.number("x"));
        assert_eq!((words.text(four), words.text(more), words.dropped()), ("four", "", 1));
        assert_eq!((words.number("four"), words.number_near(four, "four")), (four, four));
    }
}
