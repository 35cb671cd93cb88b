//! The stores as a node sees them: over a network that takes its time, loses what is asked and loses what is answered.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::channel::oneshot;
use posthaste_application::port::cursors::{Connect, Connected, CursorMove, Device, Generation, KnownDevice, Receipt, SentMark};
use posthaste_application::port::lease::{Fenced, Lease, RelayStatus};
use posthaste_application::port::log::{MembershipWindow, Memberships, Reading, Recording};
use posthaste_application::port::{Cursors, EventLog, PortError, RelayLease};
use posthaste_application::recorded::{Append, Appended, Hash, Head, Position, Recorded, StreamId};
use posthaste_domain::{Addressee, CommandId, ThreadId, UserId};
use uuid::Uuid;

use super::broker::SimulatedBroker;
use super::disk::{Disk, Stores, silence};
use super::schedule::{Group, Schedule};
use super::weather::{Fault, Weather};
use super::world::{Findings, Guarantee};

/// How long something can be under way that nobody waits for any more.
const STRAY: Duration = Duration::from_secs(3);

/// A node's way to the stores.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) schedule: Schedule,
    pub(super) weather: Arc<Weather>,
    pub(super) disk: Arc<Disk>,
    pub(super) broker: SimulatedBroker,
    pub(super) findings: Findings,
    pub(super) node: usize,
    /// It never says where the log ends.
    pub(super) headless: bool,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    /// It never arrives.
    Lost,
    /// It arrives sooner or later, but nobody is told.
    Stray,
}

impl Store {
    fn fate(&self) -> Fate {
        let fails = self.weather.store_fails();
        self.schedule.roll(|dice| match dice.permille(fails) {
            false => Fate::Answered,
            true => dice.of(&[Fate::Lost, Fate::Stray]),
        })
    }

    async fn travel(&self) {
        let latency = if self.weather.is_calm() { Duration::from_millis(1) } else { self.weather.store_latency };
        self.schedule.linger(latency).await;
    }

    /// Asks for something that changes nothing.
    async fn ask<T, F>(&self, what: &'static str, work: impl FnOnce(Stores) -> F + Send) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, PortError>> + Send,
        T: Send,
    {
        let fate = self.fate();
        self.travel().await;
        if fate != Fate::Answered {
            self.schedule.note(|| format!("node {} gets no answer to {what}", self.node));
            return Err(silence());
        }
        let answer = self.disk.now(work);
        self.travel().await;
        answer
    }

    /// Asks for something that is done once it has arrived, whatever becomes of who asked.
    async fn tell<T, F>(&self, what: &'static str, work: impl FnOnce(Stores) -> F + Send + 'static) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, PortError>> + Send,
        T: Send + 'static,
    {
        let fate = self.fate();
        if fate == Fate::Lost {
            self.travel().await;
            self.schedule.note(|| format!("node {} never reached the store for {what}", self.node));
            return Err(silence());
        }
        let (answer, answered) = oneshot::channel();
        let (store, node) = (self.clone(), self.node);
        self.schedule.spawn(Group::WORLD, async move {
            store.travel().await;
            if fate == Fate::Stray {
                store.schedule.linger(STRAY).await;
            }
            let done = store.disk.now(work);
            store.schedule.note(|| format!("node {node}: {what} {}", if done.is_ok() { "done" } else { "failed" }));
            store.travel().await;
            // Whoever asked may be gone.
            let _ = answer.send(done);
        });
        if fate == Fate::Stray {
            self.travel().await;
            self.schedule.note(|| format!("node {} gives {what} up, which is still under way", self.node));
            return Err(silence());
        }
        answered.await.unwrap_or_else(|_| Err(silence()))
    }
}

#[async_trait]
impl EventLog for Store {
    async fn record(&self, batch: Vec<Append>) -> Result<Recording, PortError> {
        if self.weather.breaks(Fault::PublishBeforeCommit) {
            self.broker.leak(self.disk.now(|stores| async move { stores.log.head().await })?, &batch);
        }
        if self.weather.breaks(Fault::AnswerBeforeCommit) && batch.len() == 1 && self.schedule.roll(|dice| dice.permille(100)) {
            let first = self.disk.now(|stores| async move { stores.log.head().await })?.position.next();
            let last = Position(first.0 + batch[0].events.len() as u64 - 1);
            return Ok(Recording { answers: vec![Ok(Appended { first, last, repeated: false })], ..Recording::default() });
        }
        self.tell("append", |stores| async move { stores.log.record(batch).await }).await
    }

    async fn find_command(&self, command: CommandId) -> Result<Option<(Hash, Appended)>, PortError> {
        self.ask("find_command", |stores| async move { stores.log.find_command(command).await }).await
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        self.ask("read", |stores| async move { stores.log.read(after, limit).await }).await
    }

    async fn read_stream(&self, stream: StreamId, after_version: u64, limit: usize) -> Result<Vec<Recorded>, PortError> {
        self.ask("read_stream", |stores| async move { stores.log.read_stream(stream, after_version, limit).await }).await
    }

    async fn read_for_user(&self, user: UserId, after: Position, upto: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        let mut owed = self.ask("read_for_user", |stores| async move { stores.log.read_for_user(user, after, upto, limit).await }).await?;
        if self.weather.breaks(Fault::SkipPosition) && !owed.is_empty() && self.schedule.roll(|dice| dice.permille(100)) {
            owed.remove(self.schedule.roll(|dice| dice.index(owed.len())));
        }
        Ok(owed)
    }

    async fn memberships(&self, user: UserId) -> Result<Memberships, PortError> {
        self.ask("memberships", |stores| async move { stores.log.memberships(user).await }).await
    }

    async fn windows(&self, user: UserId, thread: ThreadId) -> Result<Vec<MembershipWindow>, PortError> {
        self.ask("windows", |stores| async move { stores.log.windows(user, thread).await }).await
    }

    async fn members_at(
        &self,
        thread: ThreadId,
        position: Position,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, PortError> {
        self.ask("members_at", |stores| async move { stores.log.members_at(thread, position, after, limit).await }).await
    }

    async fn addressees(&self, positions: &[Position]) -> Result<Vec<(Position, Addressee)>, PortError> {
        let positions = positions.to_vec();
        self.ask("addressees", |stores| async move { stores.log.addressees(&positions).await }).await
    }

    async fn readings(&self, thread: ThreadId, position: Position, users: &[UserId]) -> Result<Vec<Reading>, PortError> {
        let users = users.to_vec();
        self.ask("readings", |stores| async move { stores.log.readings(thread, position, &users).await }).await
    }

    async fn deletions(&self, streams: &[Uuid]) -> Result<Vec<Recorded>, PortError> {
        let streams = streams.to_vec();
        self.ask("deletions", |stores| async move { stores.log.deletions(&streams).await }).await
    }

    async fn head(&self) -> Result<Head, PortError> {
        if self.headless {
            return Ok(Head { position: Position::START, hash: [0; 32] });
        }
        self.ask("head", |stores| async move { stores.log.head().await }).await
    }

    async fn grown(&self, beyond: Position) {
        let lost = self.weather.often(self.weather.wakeup_lost);
        if self.schedule.roll(|dice| dice.permille(lost)) {
            return std::future::pending().await;
        }
        match self.disk.stores() {
            Ok(stores) => stores.log.grown(beyond).await,
            Err(_) => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Cursors for Store {
    async fn connect(&self, connect: Connect) -> Result<Connected, PortError> {
        let mut connected = self.tell("connect", move |stores| async move { stores.cursors.connect(connect).await }).await?;
        if self.weather.breaks(Fault::DeliverAfterRemoval)
            && let Connected::Welcome(welcome) = &mut connected
        {
            welcome.memberships.windows.iter_mut().for_each(|window| window.until = None);
        }
        Ok(connected)
    }

    async fn advance(&self, moves: &[CursorMove]) -> Result<Vec<(Device, Generation)>, PortError> {
        let mut moves = moves.to_vec();
        if self.weather.breaks(Fault::CursorAhead) {
            for moved in &mut moves {
                moved.to.0 += self.schedule.roll(|dice| dice.below(3));
            }
        }
        self.tell("advance", |stores| async move { stores.cursors.advance(&moves).await }).await
    }

    async fn generations(&self, devices: &[Device]) -> Result<Vec<(Device, Generation)>, PortError> {
        let devices = devices.to_vec();
        self.ask("generations", |stores| async move { stores.cursors.generations(&devices).await }).await
    }

    async fn devices(&self, user: Option<UserId>, after: Option<Device>, limit: usize) -> Result<Vec<KnownDevice>, PortError> {
        self.ask("devices", move |stores| async move { stores.cursors.devices(user, after, limit).await }).await
    }

    async fn count(&self) -> Result<u64, PortError> {
        self.ask("count", |stores| async move { stores.cursors.count().await }).await
    }

    async fn receipts(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError> {
        let users = users.to_vec();
        self.ask("receipts", |stores| async move { stores.cursors.receipts(&users, position).await }).await
    }

    async fn mark_sent(&self, marks: &[SentMark]) -> Result<(), PortError> {
        let marks = marks.to_vec();
        self.tell("mark_sent", |stores| async move { stores.cursors.mark_sent(&marks).await }).await
    }

    async fn sends(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError> {
        let users = users.to_vec();
        self.ask("sends", |stores| async move { stores.cursors.sends(&users, position).await }).await
    }
}

#[async_trait]
impl RelayLease for Store {
    async fn acquire(&self, holder: Uuid, ttl: Duration) -> Result<Option<(Lease, Position)>, PortError> {
        self.tell("acquire", move |stores| async move { stores.lease.acquire(holder, ttl).await }).await
    }

    async fn checkpoint(&self, lease: Lease, position: Position, ttl: Duration) -> Result<Result<(), Fenced>, PortError> {
        let ahead = u64::from(self.weather.breaks(Fault::CheckpointAhead)) * self.schedule.roll(|dice| dice.below(3));
        let position = Position(position.0 + ahead);
        if position > self.broker.confirmed() {
            let what = format!("the checkpoint {position} is beyond {}, which the broker has confirmed", self.broker.confirmed());
            self.findings.add(Guarantee::BrokerIsNotTruth, what);
        }
        self.tell("checkpoint", move |stores| async move { stores.lease.checkpoint(lease, position, ttl).await }).await
    }

    async fn release(&self, lease: Lease) -> Result<(), PortError> {
        self.tell("release", move |stores| async move { stores.lease.release(lease).await }).await
    }

    async fn confirmed_at(&self, position: Position) -> Result<Option<DateTime<Utc>>, PortError> {
        self.ask("confirmed_at", move |stores| async move { stores.lease.confirmed_at(position).await }).await
    }

    async fn status(&self) -> Result<RelayStatus, PortError> {
        self.ask("status", |stores| async move { stores.lease.status().await }).await
    }
}
