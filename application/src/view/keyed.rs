//! What the folds are made of: lists that are read by keyset and written by key.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use chrono::{DateTime, Utc};

use super::Page;
use crate::recorded::{Position, Recorded};

/// When something happened: where in the log, and at what time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) position: Position,
    pub(super) at: DateTime<Utc>,
}

impl From<&Recorded> for Moment {
    fn from(recorded: &Recorded) -> Self {
        Self { position: recorded.position, at: recorded.at }
    }
}

/// Values in the order of the positions they came with, no two with one position; each is found by a key of its own as well.
#[derive(Clone, Debug)]
pub(super) struct Keyed<K, V> {
    values: BTreeMap<Position, (K, V)>,
    positions: HashMap<K, Position>,
}

impl<K, V> Default for Keyed<K, V> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), positions: HashMap::new() }
    }
}

// Where each key is, is said by the values as well.
impl<K: Eq, V: PartialEq> PartialEq for Keyed<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl<K: Eq, V: Eq> Eq for Keyed<K, V> {}

impl<K: Clone + Eq + Hash, V> Keyed<K, V> {
    /// Puts a value at the end; one that the key had is gone.
    pub(super) fn insert(&mut self, position: Position, key: K, value: V) {
        self.remove(&key);
        self.positions.insert(key.clone(), position);
        self.values.insert(position, (key, value));
    }

    /// Takes the value of a key out, if it has one.
    pub(super) fn remove(&mut self, key: &K) {
        let _gone = self.take(key);
    }

    /// Takes the value of a key out, and gives it and its position.
    pub(super) fn take(&mut self, key: &K) -> Option<(Position, V)> {
        let position = self.positions.remove(key)?;
        self.values.remove(&position).map(|(_, value)| (position, value))
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.positions.contains_key(key)
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.values.get(self.positions.get(key)?).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.values.get_mut(self.positions.get(key)?).map(|(_, value)| value)
    }

    /// Everything, lowest position first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (Position, &K, &V)> {
        self.values.iter().map(|(position, (key, value))| (*position, key, value))
    }

    /// What is below the page's beginning, highest position first. Not cut to the page's limit: that is for whoever leaves some out.
    pub(super) fn before(&self, page: Page) -> impl Iterator<Item = (Position, &K, &V)> {
        below(&self.values, page).map(|(position, (key, value))| (position, key, value))
    }
}

/// What is below a page's beginning in a list, highest position first. Not cut to the page's limit.
pub(super) fn below<V>(values: &BTreeMap<Position, V>, page: Page) -> impl Iterator<Item = (Position, &V)> {
    let below = match page.before {
        Some(before) => values.range(..before),
        None => values.range(..),
    };
    below.rev().map(|(position, value)| (*position, value))
}
