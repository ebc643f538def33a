//! How often values occur.

/// How many different values there are, and how often they occur.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frequencies {
    /// Different values.
    pub values: u64,
    /// Those of them that occur more than once.
    pub several: u64,
    /// How often the most frequent one occurs.
    pub most: u64,
}

impl Frequencies {
    /// Adds one more value, which occurs `count` times.
    pub(super) fn add(&mut self, count: u64) {
        if count == 0 {
            return;
        }
        self.values += 1;
        self.several += u64::from(count > 1);
        self.most = self.most.max(count);
    }
}
