//! Where the words of a thread stand, so that a search reads what may match and not everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::recorded::Position;
use crate::view::search::{Search, each_word};
use crate::view::sight::Sight;

/// The words of a thread from its first search on. Most threads are never searched, and to look up every word of every message would be most of
/// what it costs to take one in.
#[derive(Clone, Debug, Default)]
pub(in crate::view) struct Index(OnceLock<Words>);

/// It follows from the messages, so it makes no difference whether it was made already.
impl PartialEq for Index {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Index {}

impl Index {
    /// The words, found in these messages if nobody has asked before.
    pub(super) fn of<'a>(&self, messages: impl Iterator<Item = (Position, &'a str)>) -> &Words {
        self.0.get_or_init(|| {
            let mut words = Words::default();
            messages.for_each(|(position, text)| words.add(position, text));
            words
        })
    }

    /// The words, if they must be kept up to date.
    pub(super) fn kept(&mut self) -> Option<&mut Words> {
        self.0.get_mut()
    }
}

/// The words of the messages of a thread.
#[derive(Clone, Debug, Default)]
pub(in crate::view) struct Words {
    /// Each where it stands, lowest position first.
    words: BTreeMap<String, Vec<Position>>,
}

impl Words {
    pub(super) fn add(&mut self, position: Position, text: &str) {
        each_word(text, |word| {
            let Some(positions) = self.words.get_mut(word) else {
                self.words.insert(word.to_owned(), vec![position]);
                return;
            };
            // Nearly always at the end: only what was edited has its place before.
            if let Err(place) = place(positions, position) {
                positions.insert(place, position);
            }
        });
    }

    pub(super) fn remove(&mut self, position: Position, text: &str) {
        each_word(text, |word| {
            let Some(positions) = self.words.get_mut(word) else { return };
            if let Ok(place) = place(positions, position) {
                positions.remove(place);
            }
            if positions.is_empty() {
                self.words.remove(word);
            }
        });
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
            let newest = sight.ranges().rev().flat_map(|(from, until)| between(positions, from, until).iter().rev());
            found.extend(newest.copied().filter(matches).take(limit));
        }
        found.into_iter().rev().take(limit).collect()
    }

    /// Lists of which one has every position that matches: the shortest of the words that must occur, else those of all that begin so.
    fn candidates(&self, search: &Search) -> Vec<&[Position]> {
        if search.whole.is_empty() {
            let begun = self.words.range(search.begun.clone()..).take_while(|(word, _)| word.starts_with(&search.begun));
            return begun.map(|(_, positions)| positions.as_slice()).collect();
        }
        let whole: Option<Vec<_>> = search.whole.iter().map(|word| self.words.get(word).map(Vec::as_slice)).collect();
        whole.into_iter().filter_map(|whole| whole.into_iter().min_by_key(|positions| positions.len())).collect()
    }
}

/// Where a position is, or belongs.
fn place(positions: &[Position], position: Position) -> Result<usize, usize> {
    match positions.last() {
        Some(last) if *last < position => Err(positions.len()),
        // A word that comes twice.
        Some(last) if *last == position => Ok(positions.len() - 1),
        Some(_) | None => positions.binary_search(&position),
    }
}

fn between(positions: &[Position], from: Position, until: Position) -> &[Position] {
    let first = positions.partition_point(|position| *position < from);
    let end = positions.partition_point(|position| *position <= until);
    positions.get(first..end).unwrap_or_default()
}
