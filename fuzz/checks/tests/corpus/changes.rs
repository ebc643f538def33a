//! Random changes of an input, the same in every run.

/// A source of changes.
pub(crate) struct Changes(u64);

impl Changes {
    /// Begins at a number that the name gives.
    pub(crate) fn new(name: &str) -> Self {
        let step = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, step))
    }

    /// Returns a number below another one (Marsaglia's xorshift).
    fn number(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.number(list.len())]
    }

    /// Changes one to four places; `other` is an input from which a piece may be taken.
    pub(crate) fn apply(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.number(4) {
            let at = self.number(bytes.len() + 1);
            let end = (at + 1 + self.number(16)).min(bytes.len());
            match self.number(7) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.number(8),
                1 if at < bytes.len() => bytes[at] = self.byte(),
                2 => bytes.insert(at, self.byte()),
                3 => drop(bytes.drain(at..end)),
                4 => bytes.truncate(at),
                5 => {
                    let piece = bytes[at..end].to_vec();
                    let to = self.number(bytes.len() + 1);
                    bytes.splice(to..to, piece);
                }
                _ => {
                    let from = self.number(other.len() + 1);
                    let piece = &other[from..(from + self.number(64)).min(other.len())];
                    bytes.splice(at..at, piece.iter().copied());
                }
            }
        }
        bytes
    }

    /// Returns any byte, or one that means something to a reader.
    fn byte(&mut self) -> u8 {
        match self.number(2) {
            0 => *self
                .pick(b"\0\x01\x02\x03 \t\r\n\",;{}[]:\\=+-_/AQ09\x20\x21\x22\x58\x59\x7f\x80\xa4\xa5\xff"),
            _ => u8::try_from(self.number(256)).unwrap(),
        }
    }
}
