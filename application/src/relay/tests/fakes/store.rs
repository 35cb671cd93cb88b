//! The log and the lease.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use posthaste_domain::{Addressee, CommandId, ThreadId, UserId};
use uuid::Uuid;

use super::{Clock, Stalls};
use crate::port::lease::{Fenced, Lease, RelayStatus};
use crate::port::log::{MembershipWindow, Memberships, Reading, Recording};
use crate::port::{EventLog, PortError, RelayLease};
use crate::recorded::{Append, Appended, Hash, Head, Position, Recorded, StreamId};

pub(in crate::relay::tests) struct Log {
    pub(super) events: Mutex<Vec<Recorded>>,
    pub(super) stalls: Arc<Stalls>,
    /// How often it was read.
    pub(in crate::relay::tests) reads: AtomicU64,
    /// Whether nobody is told that it has grown.
    pub(in crate::relay::tests) silent: AtomicBool,
}

impl Log {
    pub(in crate::relay::tests) fn truncate(&self, to: usize) {
        self.events.lock().unwrap().truncate(to);
    }

    pub(in crate::relay::tests) fn remove(&self, position: u64) {
        self.events.lock().unwrap().retain(|event| event.position.0 != position);
    }

    pub(in crate::relay::tests) fn last(&self) -> Position {
        self.events.lock().unwrap().last().map_or(Position::START, |last| last.position)
    }
}

#[async_trait]
impl EventLog for Log {
    async fn record(&self, _: Vec<Append>) -> Result<Recording, PortError> {
        unreachable!("the relay appends nothing")
    }

    async fn find_command(&self, _: CommandId) -> Result<Option<(Hash, Appended)>, PortError> {
        unreachable!("the relay knows no commands")
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        let read = || {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let log = self.events.lock().unwrap();
            log.iter().filter(|event| event.position > after).take(limit).cloned().collect()
        };
        Ok(self.stalls.around("read", read).await)
    }

    async fn read_stream(&self, _: StreamId, _: u64, _: usize) -> Result<Vec<Recorded>, PortError> {
        unreachable!("the relay knows no streams")
    }

    async fn read_for_user(&self, _: UserId, _: Position, _: Position, _: usize) -> Result<Vec<Recorded>, PortError> {
        unreachable!("the relay knows no users")
    }

    async fn memberships(&self, _: UserId) -> Result<Memberships, PortError> {
        unreachable!("the relay knows no users")
    }

    async fn windows(&self, _: UserId, _: ThreadId) -> Result<Vec<MembershipWindow>, PortError> {
        unreachable!("the relay knows no users")
    }

    async fn members_at(&self, _: ThreadId, _: Position, _: Option<UserId>, _: usize) -> Result<Vec<UserId>, PortError> {
        unreachable!("the relay knows no users")
    }

    async fn addressees(&self, _: &[Position]) -> Result<Vec<(Position, Addressee)>, PortError> {
        unreachable!("the relay knows no users")
    }

    async fn readings(&self, _: ThreadId, _: Position, _: &[UserId]) -> Result<Vec<Reading>, PortError> {
        unreachable!("the relay knows no users")
    }

    async fn deletions(&self, _: &[Uuid]) -> Result<Vec<Recorded>, PortError> {
        unreachable!("the relay tells nobody anything")
    }

    async fn head(&self) -> Result<Head, PortError> {
        Ok(self.stalls.around("head", || Head { position: self.last(), hash: [0; 32] }).await)
    }

    async fn grown(&self, beyond: Position) {
        let grown = || self.last() > beyond && !self.silent.load(Ordering::Relaxed);
        poll_fn(|_| if grown() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

#[derive(Default)]
pub(super) struct Row {
    lease: Option<Lease>,
    until: DateTime<Utc>,
    epoch: u64,
    checkpoint: Position,
}

pub(in crate::relay::tests) struct LeaseRow {
    pub(super) row: Mutex<Row>,
    pub(super) clock: Arc<Clock>,
    pub(super) stalls: Arc<Stalls>,
}

impl LeaseRow {
    pub(in crate::relay::tests) fn checkpoint_position(&self) -> Position {
        self.row.lock().unwrap().checkpoint
    }

    pub(in crate::relay::tests) fn restore(&self, checkpoint: Position) {
        self.row.lock().unwrap().checkpoint = checkpoint;
    }

    fn until(&self, ttl: Duration) -> DateTime<Utc> {
        self.clock.store_now() + TimeDelta::from_std(ttl).unwrap()
    }
}

#[async_trait]
impl RelayLease for LeaseRow {
    async fn acquire(&self, holder: Uuid, ttl: Duration) -> Result<Option<(Lease, Position)>, PortError> {
        let acquire = || {
            let (until, now) = (self.until(ttl), self.clock.store_now());
            let mut row = self.row.lock().unwrap();
            match row.lease.filter(|_| row.until > now) {
                Some(held) if held.holder != holder => return None,
                Some(_) => {}
                None => {
                    row.epoch += 1;
                    row.lease = Some(Lease { holder, epoch: row.epoch });
                }
            }
            row.until = until;
            row.lease.map(|lease| (lease, row.checkpoint))
        };
        Ok(self.stalls.around("acquire", acquire).await)
    }

    async fn checkpoint(&self, lease: Lease, position: Position, ttl: Duration) -> Result<Result<(), Fenced>, PortError> {
        let checkpoint = || {
            let until = self.until(ttl);
            let mut row = self.row.lock().unwrap();
            if row.lease != Some(lease) {
                return Err(Fenced { epoch: lease.epoch });
            }
            row.checkpoint = row.checkpoint.max(position);
            row.until = until;
            Ok(())
        };
        Ok(self.stalls.around("checkpoint", checkpoint).await)
    }

    async fn release(&self, lease: Lease) -> Result<(), PortError> {
        let release = || {
            let mut row = self.row.lock().unwrap();
            if row.lease == Some(lease) {
                row.lease = None;
            }
        };
        self.stalls.around("release", release).await;
        Ok(())
    }

    async fn confirmed_at(&self, _: Position) -> Result<Option<DateTime<Utc>>, PortError> {
        unreachable!("a relay does not look back")
    }

    async fn status(&self) -> Result<RelayStatus, PortError> {
        unreachable!("the relay does not ask")
    }
}
