//! What each view means, told with small histories. Thread 100 is the one they are mostly about.

mod entries;
mod erasing;
mod messages;
mod paging;
mod people;
mod random;
mod rooms;
mod searches;
mod threads;

use posthaste_domain::Event;

use super::*;
use crate::fake::events::thread;
use crate::fake::{at, opened, recorded, user};

const TOP: Page = Page { before: None, limit: 100 };
const NEWEST: TimelinePage = TimelinePage { direction: Direction::Before(None), limit: 100 };

fn page(before: u64, limit: usize) -> Page {
    Page { before: Some(Position(before)), limit }
}

/// What has happened, and the views of it.
#[derive(Clone, Debug, Default)]
struct Story {
    last: u64,
    threads: Threads,
    timeline: Timeline,
    people: People,
}

impl Story {
    fn of(events: impl IntoIterator<Item = Event>) -> Self {
        let mut story = Self::default();
        events.into_iter().for_each(|event| story.then(&event));
        story
    }

    fn then(&mut self, event: &Event) {
        self.then_at(event, at(self.last + 1));
    }

    fn then_at(&mut self, event: &Event, at: DateTime<Utc>) {
        self.last += 1;
        let recorded = Recorded { at, ..recorded(self.last, event) };
        self.threads.apply(&recorded).unwrap();
        self.timeline.apply(&recorded).unwrap();
        self.people.apply(&recorded).unwrap();
    }

    fn ask(&self) -> Folds<'_> {
        Folds { threads: &self.threads, timeline: &self.timeline, people: &self.people }
    }

    /// What a user sees of thread 100, lowest position first.
    fn seen(&self, who: u128) -> Vec<u64> {
        let mut seen = positions(&self.ask().timeline(user(who), thread(100), NEWEST), |entry| entry.position);
        seen.reverse();
        seen
    }

    /// Thread 100 as in the list of a user.
    fn listed(&self, who: u128) -> ThreadSummary {
        let listed = self.ask().thread(user(who), thread(100)).unwrap();
        let list = self.ask().threads(user(who), &ThreadFilter::default(), TOP);
        assert!(list.contains(&listed), "the list has what is asked for by itself");
        listed
    }

    /// A message as a user sees it.
    fn message(&self, who: u128, id: u128) -> Option<MessageEntry> {
        let entry = self.ask().message(user(who), crate::fake::events::message(id))?;
        let in_line = self.ask().timeline(user(who), entry.thread, NEWEST);
        assert!(in_line.contains(&entry), "the timeline has what is asked for by itself");
        match entry.entry {
            Entry::Message(message) => Some(*message),
            Entry::Notice(notice) => panic!("{notice:?}"),
        }
    }
}

fn positions<T>(entries: &[T], key: impl Fn(&T) -> Position) -> Vec<u64> {
    entries.iter().map(|entry| key(entry).0).collect()
}

#[test]
fn an_event_that_cannot_be_read_is_reported_with_its_position() {
    let mut event = recorded(7, &opened(1, 2));
    event.facts = "{}".to_owned();
    assert_eq!(Threads::default().apply(&event).unwrap_err().position, 7);
    assert_eq!(Timeline::default().apply(&event).unwrap_err().position, 7);
    // What happens to a thread changes nobody's name and nobody's friends.
    assert!(!ViewName::People.takes(event.stream.category));
    assert!(People::default().apply(&event).is_ok());
}
