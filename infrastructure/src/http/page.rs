//! Lists, read by keyset.

use poem_openapi::Object;
use poem_openapi::types::{Example, ParseFromJSON, ToJSON, Type};
use posthaste_application::recorded::Position;
use posthaste_application::view::Page;

/// Most entries of a page.
pub(super) const MOST: u32 = 100;
/// Entries of a page when nobody says how many.
const USUAL: u32 = 50;

/// A page of a list.
#[derive(Object)]
#[oai(rename = "Page", example)]
pub(super) struct Items<T: ParseFromJSON + ToJSON + Type> {
    /// The entries, newest first unless the operation says otherwise.
    items: Vec<T>,
    /// Pass it as `before` for the next page; null when this is the last.
    next: Option<u64>,
}

impl<T: ParseFromJSON + ToJSON + Type + Example> Example for Items<T> {
    fn example() -> Self {
        Self { items: vec![T::example()], next: Some(41) }
    }
}

/// Which page is asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    before: Option<u64>,
    limit: usize,
}

impl Asked {
    pub(super) fn new(before: Option<u64>, limit: Option<u32>) -> Self {
        let limit = limit.unwrap_or(USUAL).min(MOST);
        Self { before, limit: usize::try_from(limit).expect("it is small") }
    }

    /// As the views are asked: one entry more, which tells whether there is another page.
    pub(super) fn page(self) -> Page {
        Page { before: self.before.map(Position), limit: self.limit + 1 }
    }
}

impl<T: ParseFromJSON + ToJSON + Type> Items<T> {
    /// The page of these entries, as they came for [`Asked::page`].
    pub(super) fn of<E>(asked: Asked, mut entries: Vec<E>, key: impl Fn(&E) -> Position, show: impl Fn(E) -> T) -> Self {
        let more = entries.len() > asked.limit;
        entries.truncate(asked.limit);
        let next = if more { entries.last().map(|entry| key(entry).0) } else { None };
        Self { items: entries.into_iter().map(show).collect(), next }
    }

    /// A list that is always whole.
    pub(super) const fn all(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}
