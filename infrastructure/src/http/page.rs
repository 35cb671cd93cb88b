//! Lists, read by keyset.

use poem_openapi::Object;
use poem_openapi::types::{Example, ParseFromJSON, ToJSON, Type};
use posthaste_application::port::cursors::Device;
use posthaste_application::port::dead::Consumer;
use posthaste_application::problem::{Code, Problem};
use posthaste_application::recorded::{Position, StreamId};
use posthaste_application::view::Page;
use posthaste_domain::UserId;
use posthaste_domain::text::fold;

use super::problem::ApiError;

/// Most entries of a page.
pub(super) const MOST: u32 = 100;
/// Entries of a page when nobody says how many.
const USUAL: u32 = 50;
/// Fewest characters to look for among everybody: fewer find too much to be of use, and no index helps.
pub(super) const SOUGHT_LEAST: usize = 3;
/// Most characters to look for.
const SOUGHT_MOST: usize = 64;

/// A page of a list.
#[derive(Object)]
#[oai(rename = "Page", example)]
pub(super) struct Items<T: ParseFromJSON + ToJSON + Type> {
    /// The entries, newest first unless the operation says otherwise.
    items: Vec<T>,
    /// Pass it as `before` for the next page; null when this is the last. What is in it means nothing to anybody else.
    next: Option<String>,
}

impl<T: ParseFromJSON + ToJSON + Type + Example> Example for Items<T> {
    fn example() -> Self {
        Self { items: vec![T::example()], next: Some("41".to_owned()) }
    }
}

/// The key of an entry, as it goes to a client and comes back.
pub(super) trait Key: Clone {
    /// As it is shown.
    fn show(self) -> String;

    /// What was shown; `None` for what never was.
    fn read(text: &str) -> Option<Self>;
}

impl Key for Position {
    fn show(self) -> String {
        self.0.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self).filter(|position| position.show() == text)
    }
}

impl Key for UserId {
    fn show(self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|user: &Self| user.show() == text)
    }
}

impl Key for Device {
    fn show(self) -> String {
        format!("{}.{}", self.user, self.device)
    }

    fn read(text: &str) -> Option<Self> {
        let (user, device) = text.split_once('.')?;
        Some(Self { user: user.parse().ok()?, device: device.parse().ok()? }).filter(|device| device.show() == text)
    }
}

impl Key for (Consumer, StreamId) {
    fn show(self) -> String {
        format!("{}.{}", self.0, self.1)
    }

    fn read(text: &str) -> Option<Self> {
        // Consumers may have such names; streams do not.
        let (consumer, stream) = text.rsplit_once('.')?;
        Some((consumer.parse().ok()?, stream.parse().ok()?)).filter(|key: &Self| key.clone().show() == text)
    }
}

impl Key for (Position, UserId) {
    fn show(self) -> String {
        format!("{}.{}", self.0, self.1)
    }

    fn read(text: &str) -> Option<Self> {
        let (position, user) = text.split_once('.')?;
        Some((Position::read(position)?, user.parse().ok()?)).filter(|key| key.show() == text)
    }
}

/// Which page is asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<K = Position> {
    before: Option<K>,
    limit: usize,
}

impl<K: Key> Asked<K> {
    /// The page behind this cursor, or the first, of this many entries, or as many as usual.
    ///
    /// # Errors
    /// The cursor is none.
    pub(super) fn new(before: Option<String>, limit: Option<u32>) -> Result<Self, ApiError> {
        let before = before.map(|text| cursor("before", &text)).transpose()?;
        let limit = limit.unwrap_or(USUAL).min(MOST);
        Ok(Self { before, limit: usize::try_from(limit).expect("it is small") })
    }

    /// The key behind which the page begins.
    pub(super) fn before(&self) -> Option<K> {
        self.before.clone()
    }

    /// How many entries the views are asked for: one more, which tells whether there is another page.
    pub(super) const fn limit(&self) -> usize {
        self.limit + 1
    }
}

/// A cursor out of one of these lists.
///
/// # Errors
/// It never was in any; names the parameter it came in.
pub(super) fn cursor<K: Key>(parameter: &'static str, text: &str) -> Result<K, ApiError> {
    K::read(text).ok_or_else(|| Problem::with(Code::Validation, format!("`{parameter}` must be the `next` of a page")).into())
}

/// A text that is looked for in names and titles, as the views are asked for it.
///
/// # Errors
/// It has fewer characters than the least, or more than 64; or such as no name has.
pub(super) fn looked_for(parameter: &'static str, text: &str, least: usize) -> Result<String, ApiError> {
    let folded = fold(text.trim());
    // Bytes first: characters of something endless are not counted either.
    let fits = folded.len() <= SOUGHT_MOST * 4 && (least..=SOUGHT_MOST).contains(&folded.chars().count());
    if fits && !folded.chars().any(char::is_control) {
        Ok(folded)
    } else {
        let detail = format!("`{parameter}` must have {least} to {SOUGHT_MOST} characters, and no control characters");
        Err(Problem::with(Code::Validation, detail).into())
    }
}

impl Asked {
    /// As the views are asked.
    pub(super) const fn page(self) -> Page {
        Page { before: self.before, limit: self.limit() }
    }
}

impl<T: ParseFromJSON + ToJSON + Type> Items<T> {
    /// The page of these entries, as they came for [`Asked::limit`].
    pub(super) fn of<E, K: Key>(asked: Asked<K>, mut entries: Vec<E>, key: impl Fn(&E) -> K, show: impl Fn(E) -> T) -> Self {
        let more = entries.len() > asked.limit;
        entries.truncate(asked.limit);
        let next = if more { entries.last().map(|entry| key(entry).show()) } else { None };
        Self { items: entries.into_iter().map(show).collect(), next }
    }

    /// A page that says itself where the next one begins.
    pub(super) fn going_on<K: Key>(items: Vec<T>, next: Option<K>) -> Self {
        Self { items, next: next.map(Key::show) }
    }

    /// A list that is always whole.
    pub(super) const fn all(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

#[cfg(test)]
mod tests {
    use posthaste_domain::Category;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        for position in [0, 1, 41, u64::MAX].map(Position) {
            assert_eq!(Position::read(&position.show()), Some(position));
            let key = (position, UserId::new(Uuid::from_u128(7)));
            assert_eq!(<(Position, UserId)>::read(&key.show()), Some(key));
            assert_eq!(UserId::read(&key.1.show()), Some(key.1));
        }
    }

    #[test]
    fn a_cursor_of_dead_letters_comes_back_as_it_went() {
        type Letter = (Consumer, StreamId);
        let stream = StreamId { category: Category::Message, id: Uuid::from_u128(7) };
        for consumer in ["view:timeline", "webhook:crm", "webhook:a.b:c"] {
            let key = (consumer.parse().unwrap(), stream);
            assert_eq!(Letter::read(&key.clone().show()), Some(key));
        }
        for text in
            ["", ".", "view:timeline", "view:nothing.message-7", "webhook:crm.", &format!("webhook:.{stream}"), &format!(".{stream}")]
        {
            assert_eq!(Letter::read(text), None, "{text}");
        }
        assert_eq!(Letter::read(&format!("webhook:crm.message-{}", stream.id.simple())), None);
    }

    #[test]
    fn what_never_was_a_cursor_is_none() {
        for text in ["", "yesterday", "-1", "+1", "041", " 41", "41.5", "18446744073709551616", "1e3"] {
            assert_eq!(Position::read(text), None, "{text}");
            assert_eq!(<(Position, UserId)>::read(text), None, "{text}");
            assert_eq!(UserId::read(text), None, "{text}");
        }
        let user = Uuid::from_u128(0xabc);
        assert_eq!(UserId::read(&user.simple().to_string()), None);
        for text in [format!("041.{user}"), format!("41.{}", user.simple()), format!("41.{user}."), format!(".{user}"), "41.".to_owned()] {
            assert_eq!(<(Position, UserId)>::read(&text), None, "{text}");
        }
    }

    #[test]
    fn what_is_looked_for_is_folded_and_measured() {
        assert_eq!(looked_for("q", "  ALICE ", SOUGHT_LEAST).unwrap(), "alice");
        assert_eq!(looked_for("q", "x", 1).unwrap(), "x");
        let longest = "é".repeat(64);
        assert_eq!(looked_for("q", &longest, SOUGHT_LEAST).unwrap(), longest);
        for text in ["", "ab", "  ab  ", "a\0b", "a\nbc", &"é".repeat(65), &"x".repeat(100_000)] {
            let problem = looked_for("q", text, SOUGHT_LEAST).unwrap_err().0;
            assert!(problem.code == Code::Validation && problem.detail.unwrap().contains("`q`"), "{text}");
        }
    }

    #[test]
    fn the_entry_that_was_asked_for_too_many_says_that_there_are_more() {
        let asked = || Asked::<Position>::new(None, Some(2)).unwrap();
        assert_eq!(asked().page(), Page { before: None, limit: 3 });
        let page = |entries: &[u64]| Items::<u64>::of(asked(), entries.to_vec(), |entry| Position(*entry), |entry| entry);
        assert_eq!((page(&[9, 8, 7]).items, page(&[9, 8, 7]).next), (vec![9, 8], Some("8".to_owned())));
        assert_eq!((page(&[9, 8]).items, page(&[9, 8]).next), (vec![9, 8], None));
        assert_eq!(page(&[]).next, None);
    }
}
