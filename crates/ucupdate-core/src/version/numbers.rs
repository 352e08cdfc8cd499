//! The numbers of a version without its text.

/// The numbers of a version, from left to right. -1 means that a part is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Numbers([i32; Self::MAX_PARTS]);

impl Numbers {
    pub(crate) const MAX_PARTS: usize = 8;
    /// The largest size of a text that is read as numbers, in bytes. It has room for leading zeros.
    pub(crate) const MAX_BYTES: usize = 128;
    /// The numbers of the smallest release: eight zeros. A missing part counts as zero in a release.
    pub(crate) const FIRST: Self = Self([0; Self::MAX_PARTS]);
    pub(crate) const LAST: Self = Self([i32::MAX; Self::MAX_PARTS]);

    /// Creates numbers from their parts. -1 means that a part is missing.
    #[inline]
    pub(crate) const fn new(parts: [i32; Self::MAX_PARTS]) -> Self {
        Self(parts)
    }

    /// Reads one to eight numbers with full stops between them. The result has zero for each missing part. `None` if
    /// the text has another form, has more than [`MAX_BYTES`](Self::MAX_BYTES), or has a number above 2147483647.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.len() > Self::MAX_BYTES {
            return None;
        }
        let (mut parts, mut part) = ([0_i32; Self::MAX_PARTS], 0);
        // The number that is being read. `None` before its first digit.
        let mut number: Option<i64> = None;
        for byte in text.bytes() {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                let next = number.unwrap_or(0) * 10 + i64::from(digit);
                if next > i64::from(i32::MAX) {
                    return None;
                }
                number = Some(next);
            } else if byte == b'.' {
                *parts.get_mut(part)? = i32::try_from(number?).ok()?;
                (part, number) = (part + 1, None);
            } else {
                return None;
            }
        }
        *parts.get_mut(part)? = i32::try_from(number?).ok()?;
        Some(Self(parts))
    }

    /// Returns the numbers with zero for each missing part. Versions of the same release have equal padded numbers.
    #[inline]
    pub(crate) fn padded(self) -> Self {
        Self(self.0.map(|part| part.max(0)))
    }

    /// Returns whether two versions are the same release. A missing part is zero.
    #[inline]
    pub(crate) fn is_same_release(&self, other: &Self) -> bool {
        // Without a branch for each part, the parts are compared at once.
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(0, |difference, (one, two)| difference | (one.max(&0) ^ two.max(&0))) == 0
    }

    /// Returns the parts as unsigned numbers, with zero for each missing part.
    #[inline]
    pub(crate) fn parts(self) -> [u32; Self::MAX_PARTS] {
        self.0.map(|part| part.max(0).unsigned_abs())
    }

    /// Returns whether the numbers are below a bound. A missing part is zero. The comparison ends at the
    /// first part that differs, which is usually one of the first parts.
    #[inline]
    pub(crate) fn is_below(&self, bound: &[u32; Self::MAX_PARTS]) -> bool {
        let parts = self.0.iter().map(|part| (*part).max(0).unsigned_abs());
        let mut differing = parts.zip(bound).filter(|(part, bound)| part != *bound);
        differing.next().is_some_and(|(part, bound)| part < *bound)
    }

    /// Returns all eight parts. -1 means that a part is missing.
    #[inline]
    pub(crate) const fn raw(self) -> [i32; Self::MAX_PARTS] {
        self.0
    }

    /// Returns the place of a version in the order of releases: its first four parts as one number of 124
    /// bits. `None` if a part after the fourth is not zero.
    #[inline]
    pub(crate) fn place(self) -> Option<u128> {
        let [a, b, c, d, more @ ..] = self.parts();
        if more != [0; 4] {
            return None;
        }
        Some([a, b, c, d].iter().fold(0, |place, part| place << 31 | u128::from(*part)))
    }

    /// Returns whether the first three numbers are equal. A missing part is zero.
    #[inline]
    pub(crate) fn same_first_three(self, other: Self) -> bool {
        self.padded().0[..3] == other.padded().0[..3]
    }
}
