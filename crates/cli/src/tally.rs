//! Counts how often each value of a column stands in a file.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

use keyferry_core::Shown;

/// Values that are looked for one after the other, the frequent ones first; nearly every column has no more.
const FEW: usize = 16;
/// The most different texts of a column that are counted one by one.
const MOST_TEXTS: usize = 1000;

/// Counts by value.
pub(crate) struct Tally<K> {
    few: Vec<(K, u64)>,
    more: HashMap<K, u64>,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self { few: Vec::new(), more: HashMap::new() }
    }
}

impl<K: Hash + Eq> Tally<K> {
    /// Counts a value once.
    pub(crate) fn add<Q>(&mut self, value: &Q)
    where
        K: Borrow<Q>,
        Q: ToOwned<Owned = K> + Hash + Eq + ?Sized,
    {
        if !self.has_counted(value) {
            self.insert(value.to_owned());
        }
    }

    fn has_counted<Q: Hash + Eq + ?Sized>(&mut self, value: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        if let Some(at) = self.few.iter().position(|(known, _)| known.borrow() == value) {
            self.few[at].1 += 1;
            // What is frequent moves to the front, one place at a time.
            if at > 0 && self.few[at].1 > self.few[at - 1].1 {
                self.few.swap(at, at - 1);
            }
            return true;
        }
        match self.more.get_mut(value) {
            Some(count) => {
                *count += 1;
                true
            }
            None => false,
        }
    }

    fn insert(&mut self, value: K) {
        if self.few.len() < FEW {
            self.few.push((value, 1));
        } else {
            self.more.insert(value, 1);
        }
    }

    /// Returns the values and their counts, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, u64)> {
        self.few.iter().map(|(value, count)| (value, *count)).chain(self.more.iter().map(|(v, c)| (v, *c)))
    }
}

/// Counts by text, under what is shown of it.
#[derive(Default)]
pub(crate) struct TextTally(Tally<String>);

impl TextTally {
    /// Counts a text once; no longer by itself when somebody made up more of them than anyone reads.
    pub(crate) fn add(&mut self, text: &str) {
        if self.0.has_counted(text) {
            return;
        }
        let is_full = self.0.few.len() + self.0.more.len() >= MOST_TEXTS;
        self.0.add(if is_full { "others" } else { text });
    }

    /// Returns what is shown of each text, and how often.
    pub(crate) fn shown(&self) -> BTreeMap<String, u64> {
        let mut shown = BTreeMap::new();
        for (text, count) in self.0.iter() {
            *shown.entry(Shown(text).to_string()).or_default() += count;
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_wherever_it_stands() {
        let mut tally = Tally::<u32>::default();
        for round in 0..50 {
            (0..40).filter(|value| value % 7 <= round % 7).for_each(|value| tally.add(&value));
        }
        let found: HashMap<u32, u64> = tally.iter().map(|(value, count)| (*value, count)).collect();
        for value in 0..40 {
            let expected = (0..50).filter(|round| value % 7 <= round % 7).count();
            assert_eq!(usize::try_from(found[&value]).unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn texts_are_counted_as_they_are_shown_and_up_to_a_limit() {
        let mut tally = TextTally::default();
        ["a\u{1b}", "a\u{1b}", "b"].iter().for_each(|text| tally.add(text));
        assert_eq!(tally.shown(), BTreeMap::from([("a\\u{1b}".to_owned(), 2), ("b".to_owned(), 1)]));
        (0..2000).for_each(|number| tally.add(&number.to_string()));
        let shown = tally.shown();
        assert_eq!((shown.len(), shown["others"]), (1001, 1002));
        assert_eq!(shown.values().sum::<u64>(), 2003);
    }
}
