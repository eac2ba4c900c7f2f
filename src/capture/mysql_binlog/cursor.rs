//! Reads the little-endian numbers and the lengths of the binlog out of bytes, without ever running past their end.

/// What is still to be read. Every method gives `None` when too little is left.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// An unsigned number of up to eight bytes.
    pub(super) fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The same, most significant byte first: times and compressed lengths are written so.
    pub(super) fn big_endian(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// As many bytes as a length of `prefix` bytes in front of them says.
    pub(super) fn prefixed(&mut self, prefix: usize) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number(prefix)?).ok()?;
        self.take(length)
    }

    /// MySQL's "length-encoded integer", as a length.
    pub(super) fn length(&mut self) -> Option<usize> {
        let number = match self.byte()? {
            252 => self.number(2)?,
            253 => self.number(3)?,
            254 => self.number(8)?,
            255 => return None,
            small => u64::from(small),
        };
        usize::try_from(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_the_end_gives_nothing_and_takes_nothing() {
        let mut cursor = Cursor(&[1, 2]);
        assert_eq!(cursor.number(3), None);
        assert_eq!(cursor.number(2), Some(0x0201));
    }

    #[test]
    fn lengths_come_in_four_sizes() {
        let mut cursor = Cursor(&[250, 252, 1, 2, 253, 1, 0, 0, 255]);
        assert_eq!(
            [cursor.length(), cursor.length(), cursor.length(), cursor.length()],
            [Some(250), Some(0x201), Some(1), None]
        );
    }
}
