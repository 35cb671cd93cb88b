//! Where the words of a thread stand, so that a search reads what may match and not everything.

use std::collections::{BTreeMap, BTreeSet};

use crate::recorded::Position;
use crate::view::search::{Search, words};
use crate::view::sight::Sight;

/// The words of the messages of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::view) struct Words {
    words: BTreeMap<String, BTreeSet<Position>>,
}

impl Words {
    pub(super) fn add(&mut self, position: Position, text: &str) {
        for word in words(text) {
            self.words.entry(word).or_default().insert(position);
        }
    }

    pub(super) fn remove(&mut self, position: Position, text: &str) {
        for word in words(text) {
            if let Some(positions) = self.words.get_mut(&word) {
                positions.remove(&position);
                if positions.is_empty() {
                    self.words.remove(&word);
                }
            }
        }
    }

    /// The newest positions that are seen and whose text has the words: at most `limit`, highest first. What a position says is asked only
    /// where the words alone do not tell.
    pub(in crate::view) fn find<'a>(
        &self,
        search: &Search,
        sight: &Sight,
        limit: usize,
        text: impl Fn(Position) -> Option<&'a str>,
    ) -> Vec<Position> {
        let matches = |position: &Position| search.whole.is_empty() || text(*position).is_some_and(|text| search.matches(text));
        let mut found = BTreeSet::new();
        for positions in self.candidates(search) {
            let newest = sight.ranges().rev().flat_map(|(from, until)| positions.range(from..=until).rev());
            found.extend(newest.copied().filter(matches).take(limit));
        }
        found.into_iter().rev().take(limit).collect()
    }

    /// Lists of which one has every position that matches: the shortest of the words that must occur, else those of all that begin so.
    fn candidates(&self, search: &Search) -> Vec<&BTreeSet<Position>> {
        if search.whole.is_empty() {
            let begun = self.words.range(search.begun.clone()..).take_while(|(word, _)| word.starts_with(&search.begun));
            return begun.map(|(_, positions)| positions).collect();
        }
        let whole: Option<Vec<_>> = search.whole.iter().map(|word| self.words.get(word)).collect();
        whole.into_iter().filter_map(|whole| whole.into_iter().min_by_key(|positions| positions.len())).collect()
    }
}
