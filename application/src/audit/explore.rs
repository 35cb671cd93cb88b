//! The log, page by page and newest first, for whoever looks around in it.

use std::collections::VecDeque;

use posthaste_domain::CommandId;
use serde_json::{Map, Value};

use super::filter::Filter;
use crate::codec::{self, Undecodable};
use crate::port::{EventLog, PortError};
use crate::recorded::{Position, Recorded, StreamId};

/// Events that are read at once.
const READ: u64 = 1_000;
/// Events that are looked at for one page. A filter that wants few of many gets a page that is not full, and where to go on.
const LOOKED_AT: u64 = 20_000;

/// Which page is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exploration {
    /// Which events.
    pub filter: Filter,
    /// Only those above this position.
    pub above: Position,
    /// Only those below this position; the newest when there is none.
    pub before: Option<Position>,
    /// At most this many.
    pub limit: usize,
}

/// A page of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// The newest first.
    pub events: Vec<Recorded>,
    /// Where the next page begins: below this position. `None` when there is no more. A page may be short, or empty, and still not the last.
    pub next: Option<Position>,
}

impl Exploration {
    /// The page.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn of(&self, log: &dyn EventLog) -> Result<Explored, PortError> {
        let end = log.head().await?.position.next();
        let before = self.before.map_or(end, |before| before.min(end));
        match self.filter.only_stream() {
            Some(stream) => self.stream(log, stream, before).await,
            None => self.whole(log, before).await,
        }
    }

    /// Positions are dense, so what is below one can be read without an index of its own.
    async fn whole(&self, log: &dyn EventLog, before: Position) -> Result<Explored, PortError> {
        let mut explored = Explored::default();
        let mut upper = before.0;
        let lowest = self.above.0.max(before.0.saturating_sub(LOOKED_AT.saturating_add(1)));
        while upper > lowest + 1 {
            let after = lowest.max(upper.saturating_sub(1 + READ));
            let count = usize::try_from(upper - 1 - after).unwrap_or(usize::MAX);
            let events = log.read(Position(after), count).await?;
            for event in events.into_iter().rev().filter(|event| event.position.0 < upper && self.filter.wants(event)) {
                explored.events.push(event);
                if explored.events.len() == self.limit {
                    break;
                }
            }
            upper = after + 1;
            if let Some(last) = explored.events.last().filter(|_| explored.events.len() == self.limit) {
                upper = last.position.0;
                break;
            }
        }
        explored.next = (upper > self.above.0 + 1).then_some(Position(upper));
        Ok(explored)
    }

    /// The events of one stream, which are read from its beginning.
    async fn stream(&self, log: &dyn EventLog, stream: StreamId, before: Position) -> Result<Explored, PortError> {
        let mut newest = VecDeque::new();
        let mut version = 0;
        loop {
            let events = log.read_stream(stream, version, usize::try_from(READ).unwrap_or(usize::MAX)).await?;
            let Some(last) = events.last() else { break };
            version = last.version;
            let beyond = last.position >= before;
            for event in events {
                if event.position > self.above && event.position < before && self.filter.wants(&event) {
                    newest.push_back(event);
                    // One more than the page tells whether there is another.
                    if newest.len() > self.limit + 1 {
                        newest.pop_front();
                    }
                }
            }
            if beyond {
                break;
            }
        }
        let more = newest.len() > self.limit;
        let events: Vec<_> = newest.into_iter().rev().take(self.limit).collect();
        let next = if more { events.last().map(|event| event.position) } else { None };
        Ok(Explored { events, next })
    }
}

/// What is shown of an event: everything but what opens a door. Whoever knows an invitation by link can join by it, and its id is also that of
/// the command that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The facts, and the content under its own key.
    pub body: Value,
    /// The command that led to it, unless that is a secret.
    pub command: Option<CommandId>,
}

/// An event as it is shown.
///
/// # Errors
/// What is stored is not JSON.
pub fn show(event: &Recorded) -> Result<Shown, Undecodable> {
    let body: Map<String, Value> = serde_json::from_str(&codec::body(event)).map_err(|source| Undecodable::new(event, source))?;
    let mut shown = Shown { body: Value::Object(body), command: Some(event.command) };
    let made = event.event_type == "thread.link_created";
    if (made || event.event_type == "thread.joined")
        && let Some(invite) = shown.body.get_mut("invite")
    {
        *invite = Value::Null;
    }
    if made {
        shown.command = None;
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use posthaste_domain::thread::ThreadEvent;
    use posthaste_domain::{Category, InviteId, ThreadId};
    use uuid::Uuid;

    use super::*;
    use crate::fake::{FakeLog, at, direct, posted, recorded, user};

    fn log_of(events: u64) -> FakeLog {
        let log = FakeLog::default();
        log.record((0..events).map(|n| posted(n.into(), direct(1, 2), 1, Some("hi"))));
        log
    }

    fn page(log: &FakeLog, filter: Filter, above: u64, before: Option<u64>, limit: usize) -> (Vec<u64>, Option<u64>) {
        let exploration = Exploration { filter, above: Position(above), before: before.map(Position), limit };
        let explored = block_on(exploration.of(log)).unwrap();
        (explored.events.iter().map(|event| event.position.0).collect(), explored.next.map(|next| next.0))
    }

    #[test]
    fn the_log_is_read_backwards_to_its_beginning() {
        let log = log_of(2_500);
        assert_eq!(page(&log, Filter::default(), 0, None, 3), (vec![2_500, 2_499, 2_498], Some(2_498)));
        assert_eq!(page(&log, Filter::default(), 0, Some(3), 5), (vec![2, 1], None));
        assert_eq!(page(&log, Filter::default(), 0, Some(3), 2), (vec![2, 1], None));
        assert_eq!(page(&log, Filter::default(), 1, Some(3), 5), (vec![2], None));
        assert_eq!(page(&log, Filter::default(), 0, Some(1), 5), (vec![], None));
        assert_eq!(page(&log, Filter::default(), 0, Some(9_999), 1), (vec![2_500], Some(2_500)));
        let (whole, next) = page(&log, Filter::default(), 0, None, 9_999);
        assert_eq!((whole, next), ((1..=2_500).rev().collect(), None));
        assert_eq!(page(&log_of(0), Filter::default(), 0, None, 5), (vec![], None));
    }

    #[test]
    fn a_filter_that_finds_little_does_not_look_at_everything_at_once() {
        let log = log_of(LOOKED_AT + 100);
        let nobody = || Filter { actors: vec![user(99)], ..Filter::default() };
        let (found, next) = page(&log, nobody(), 0, None, 5);
        assert_eq!((found, next.is_some_and(|next| next <= 200)), (vec![], true), "{next:?}");
        assert_eq!(page(&log, nobody(), 0, next, 5), (vec![], None));
    }

    #[test]
    fn a_stream_is_explored_by_itself() {
        let log = log_of(9);
        let stream = block_on(log.read(Position(3), 1)).unwrap()[0].stream;
        let filter = || Filter { streams: vec![stream], ..Filter::default() };
        assert_eq!(page(&log, filter(), 0, None, 5), (vec![4], None));
        assert_eq!(page(&log, filter(), 0, Some(4), 5), (vec![], None));
        assert_eq!(page(&log, filter(), 4, None, 5), (vec![], None));
        let nothing = StreamId { category: Category::Thread, id: Uuid::nil() };
        assert_eq!(page(&log, Filter { streams: vec![nothing], ..Filter::default() }, 0, None, 5), (vec![], None));
    }

    #[test]
    fn an_invitation_by_link_is_not_shown() {
        let (thread, by, invite, expires_at) = (ThreadId::new(Uuid::from_u128(8)), user(1), InviteId::new(Uuid::from_u128(77)), at(9));
        let made = ThreadEvent::LinkCreated { thread, by, invite, expires_at, max_uses: None };
        let joined = ThreadEvent::Joined { thread, user: user(2), invite: Some(invite) };
        let left = ThreadEvent::Left { thread, user: user(2) };
        let shown = [made, joined, left].map(|event| show(&recorded(1, &event.into())).unwrap());
        for shown in &shown {
            assert!(!shown.body.to_string().contains(&invite.to_string()), "{shown:?}");
            assert_eq!(shown.body["thread"], thread.to_string());
        }
        assert_eq!(shown.each_ref().map(|shown| shown.command.is_some()), [false, true, true]);
    }
}
