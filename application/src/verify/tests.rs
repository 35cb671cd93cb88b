//! Walks over logs that are what was recorded, and over some that are not.

mod sealer;
mod tampering;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::{Addressee, Category, CommandId, ThreadId, UserId};
use uuid::Uuid;

use super::key::SealKey;
use super::seal::Seal;
use super::{Finding, Page, Walk};
use crate::chain::{self, GENESIS, Link};
use crate::port::log::{MembershipWindow, Memberships, Reading, Recording};
use crate::port::{EventLog, PortError};
use crate::recorded::{Append, Appended, Decoded, Hash, Head, Position, Recorded, StreamId};

/// A log that anybody can tamper with.
#[derive(Clone, Default)]
pub(super) struct Open {
    pub(super) events: Arc<Mutex<Vec<Recorded>>>,
    pub(super) head: Arc<Mutex<Option<Head>>>,
    /// What no reader can make an event of.
    unreadable: Arc<Mutex<Option<Position>>>,
}

pub(super) fn key() -> SealKey {
    SealKey::from_random(&[5; 32])
}

pub(super) fn at(second: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000 + i64::try_from(second).unwrap(), 0).unwrap()
}

fn event(n: u64) -> Recorded {
    Recorded {
        position: Position(n),
        stream: StreamId { category: Category::Message, id: Uuid::from_u64_pair(2, n) },
        version: 1,
        event_type: "message.posted".to_owned(),
        schema: 1,
        facts: format!("{{\"number\":{n}}}"),
        content: (!n.is_multiple_of(3)).then(|| format!("{{\"text\":\"words {n}\"}}").into_bytes()),
        thread: Some(ThreadId::new(Uuid::from_u64_pair(3, n % 2))),
        actor: Some(UserId::new(Uuid::from_u64_pair(4, n % 5))),
        command: CommandId::new(Uuid::from_u64_pair(5, n)),
        ordinal: 0,
        fingerprint: [6; 32],
        correlation: Uuid::from_u64_pair(7, n),
        causation: n.is_multiple_of(2).then(|| Uuid::from_u64_pair(8, n)),
        at: at(n),
        hash: GENESIS,
        decoded: Decoded::default(),
    }
}

impl Open {
    pub(super) fn of(events: u64) -> Self {
        let log = Self::default();
        log.grow(events);
        log
    }

    pub(super) fn grow(&self, more: u64) {
        let from = self.events.lock().unwrap().len() as u64 + 1;
        self.events.lock().unwrap().extend((from..from + more).map(event));
        self.rehash(from);
    }

    /// Makes every hash fit from here on, and the head.
    pub(super) fn rehash(&self, from: u64) {
        let mut events = self.events.lock().unwrap();
        let mut before = GENESIS;
        for event in &mut *events {
            if event.position.0 >= from {
                let link = Link::from(&*event);
                event.hash = chain::link(&before, &link.digest, event.position, event.at);
            }
            before = event.hash;
        }
        *self.head.lock().unwrap() = events.last().map(|last| Head { position: last.position, hash: last.hash });
    }

    pub(super) fn alter(&self, position: u64, change: impl FnOnce(&mut Recorded)) {
        change(&mut self.events.lock().unwrap()[usize::try_from(position - 1).unwrap()]);
    }

    pub(super) async fn walk(&self, from: u64, upto: Option<u64>, seals: &[Seal]) -> Result<Walk, Finding> {
        let mut walk = Walk::begin(self, Position(from), upto.map(Position), seals.to_vec()).await.unwrap()?;
        while walk.position() < walk.upto() {
            let to = Position((walk.position().0 + 7).min(walk.upto().0));
            let page = Page::read(self, walk.position(), to, walk.position() < walk.leaves_upto()).await.unwrap();
            let before = walk.position();
            walk.take(&page)?;
            if walk.position() == before {
                break;
            }
        }
        walk.finish(self).await.unwrap().map(|()| walk)
    }

    /// Seals the log as it is.
    pub(super) async fn seal(&self, last: Option<&Seal>) -> Seal {
        let mut walk = Walk::begin(self, Position(1), None, vec![]).await.unwrap().unwrap();
        walk.take(&Page::read(self, Position(0), walk.upto(), true).await.unwrap()).unwrap();
        Seal::new(&walk.sealable().unwrap(), last, at(0), &key())
    }
}

#[async_trait]
impl EventLog for Open {
    async fn record(&self, _: Vec<Append>) -> Result<Recording, PortError> {
        unreachable!("nothing here appends")
    }

    async fn find_command(&self, _: CommandId) -> Result<Option<(Hash, Appended)>, PortError> {
        unreachable!("nothing here looks for commands")
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        let events = self.events.lock().unwrap();
        let some: Vec<_> = events.iter().filter(|event| event.position > after).take(limit).cloned().collect();
        let unreadable = *self.unreadable.lock().unwrap();
        if some.iter().any(|event| Some(event.position) == unreadable) {
            return Err(PortError::corrupt("an event", "nonsense"));
        }
        Ok(some)
    }

    async fn read_stream(&self, _: StreamId, _: u64, _: usize) -> Result<Vec<Recorded>, PortError> {
        unreachable!("nothing here reads streams")
    }

    async fn read_for_user(&self, _: UserId, _: Position, _: Position, _: usize) -> Result<Vec<Recorded>, PortError> {
        unreachable!("nothing here is delivered")
    }

    async fn memberships(&self, _: UserId) -> Result<Memberships, PortError> {
        unreachable!("nothing here is delivered")
    }

    async fn windows(&self, _: UserId, _: ThreadId) -> Result<Vec<MembershipWindow>, PortError> {
        unreachable!("nothing here is delivered")
    }

    async fn members_at(&self, _: ThreadId, _: Position, _: Option<UserId>, _: usize) -> Result<Vec<UserId>, PortError> {
        unreachable!("nothing here is delivered")
    }

    async fn addressees(&self, _: &[Position]) -> Result<Vec<(Position, Addressee)>, PortError> {
        unreachable!("nothing here is delivered")
    }

    async fn readings(&self, _: ThreadId, _: Position, _: &[UserId]) -> Result<Vec<Reading>, PortError> {
        unreachable!("nothing here is delivered")
    }

    async fn deletions(&self, _: &[Uuid]) -> Result<Vec<Recorded>, PortError> {
        unreachable!("nothing here is delivered")
    }

    async fn head(&self) -> Result<Head, PortError> {
        Ok(self.head.lock().unwrap().unwrap_or(Head { position: Position::START, hash: GENESIS }))
    }

    async fn grown(&self, _: Position) {}
}
