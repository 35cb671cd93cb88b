//! Two folds of a view, compared part by part: which entries are not alike in both.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// A part of a view, such as its profiles, compared with the same part of another fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is called.
    pub name: &'static str,
    /// How many entries it has.
    pub here: u64,
    /// How many it has in the other.
    pub there: u64,
    /// The entries that differ, in the order of their keys.
    pub differing: Vec<Differing>,
}

/// An entry that is not alike in both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Differing {
    /// Its key.
    pub key: String,
    /// Whether it is here.
    pub here: bool,
    /// Whether it is in the other.
    pub there: bool,
}

impl Part {
    /// The entries of two maps, with their keys as they are written.
    pub(super) fn of<K, V>(name: &'static str, here: &HashMap<K, V>, there: &HashMap<K, V>, written: impl Fn(&K) -> String) -> Self
    where
        K: Eq + Hash,
        V: PartialEq,
    {
        let differs = |key: &&K| here.get(key) != there.get(key);
        let keys = here.keys().chain(there.keys().filter(|key| !here.contains_key(key)));
        let differing =
            keys.filter(differs).map(|key| Differing { key: written(key), here: here.contains_key(key), there: there.contains_key(key) });
        Self {
            name,
            here: here.len() as u64,
            there: there.len() as u64,
            differing: differing.collect::<BTreeSet<_>>().into_iter().collect(),
        }
    }
}
