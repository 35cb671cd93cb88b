use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::{Addressee, Audience, CommandId, Event, MembershipChange, ThreadId, UserId};

use posthaste_domain::subscription::SubscriptionEvent;

use super::{recorded, taken};
use crate::port::log::{AppendRefused, MembershipWindow, Memberships, Reading, Recording};
use crate::port::{EventLog, PortError};
use crate::recorded::{Append, Appended, Check, Hash, Head, Position, Recorded, StreamId};
use uuid::Uuid;

type Hook = Box<dyn FnOnce() + Send>;
type ReadHook = Box<dyn FnMut() + Send>;

struct Entry {
    recorded: Recorded,
    audience: Audience,
}

/// A log that is written with [`FakeLog::record`] by tests that do not look at streams, or with appends.
#[derive(Default)]
pub(crate) struct FakeLog {
    entries: Mutex<Vec<Entry>>,
    /// How many events were given out by reading streams.
    pub(crate) rows: AtomicUsize,
    /// How often it was read by position.
    pub(crate) reads: AtomicUsize,
    /// Tells who asks that it has grown.
    pub(crate) tells: AtomicBool,
    /// Others are run while it is read by position.
    pub(crate) slow: AtomicBool,
    /// Fail the next read, of any kind.
    pub(crate) broken: AtomicBool,
    /// How often it was asked whom events name.
    pub(crate) named: AtomicUsize,
    /// How often its end was asked for.
    pub(crate) heads: AtomicUsize,
    after_memberships: Mutex<Option<Hook>>,
    after_read_for_user: Mutex<Option<ReadHook>>,
}

impl FakeLog {
    pub(crate) fn record(&self, events: impl IntoIterator<Item = Event>) {
        let mut entries = self.entries();
        for event in events {
            let position = entries.len() as u64 + 1;
            entries.push(Entry { recorded: recorded(position, &event), audience: event.audience() });
        }
    }

    /// Records an event with which a user leaves its thread, as far as the log knows: the domain has no such event yet.
    pub(crate) fn record_leaving(&self, event: &Event, user: UserId) {
        self.record([event.clone()]);
        let mut entries = self.entries();
        let entry = entries.last_mut().unwrap();
        entry.audience.users = vec![Addressee { user, change: Some(MembershipChange::Left) }];
    }

    /// The event at this position cannot be read.
    pub(crate) fn spoil(&self, position: u64) {
        self.entries()[usize::try_from(position).unwrap() - 1].recorded.facts = "{}".to_owned();
    }

    /// The event at this position was recorded by somebody who knows more, and is stored like this.
    pub(crate) fn alter(&self, position: u64, alter: impl FnOnce(&mut Recorded, &mut Audience)) {
        let entry = &mut self.entries()[usize::try_from(position).unwrap() - 1];
        alter(&mut entry.recorded, &mut entry.audience);
    }

    pub(crate) fn cut(&self, head: u64) {
        self.entries().truncate(usize::try_from(head).unwrap());
    }

    /// The event at this position was recorded then.
    pub(crate) fn set_time(&self, position: u64, at: DateTime<Utc>) {
        self.entries()[usize::try_from(position).unwrap() - 1].recorded.at = at;
    }

    /// The event at this position is gone.
    pub(crate) fn lose(&self, position: u64) {
        self.entries().retain(|entry| entry.recorded.position.0 != position);
    }

    pub(crate) fn all(&self) -> Vec<Recorded> {
        self.entries().iter().map(|entry| entry.recorded.clone()).collect()
    }

    pub(crate) fn audience(&self, position: Position) -> Audience {
        self.entries()[usize::try_from(position.0 - 1).unwrap()].audience.clone()
    }

    /// What happens between the next snapshot of somebody's memberships and its arrival.
    pub(crate) fn after_memberships(&self, hook: impl FnOnce() + Send + 'static) {
        *self.after_memberships.lock().unwrap() = Some(Box::new(hook));
    }

    /// What happens between each snapshot of what a user is owed and its arrival.
    pub(crate) fn after_read_for_user(&self, hook: impl FnMut() + Send + 'static) {
        *self.after_read_for_user.lock().unwrap() = Some(Box::new(hook));
    }

    /// The positions owed to a user, of the whole log.
    pub(crate) fn owed(&self, user: UserId) -> Vec<u64> {
        let mut member_of = HashSet::new();
        let mut owed = Vec::new();
        for Entry { recorded, audience } in &*self.entries() {
            let named = audience.users.iter().find(|addressee| addressee.user == user);
            if named.is_some() || audience.thread.is_some_and(|thread| member_of.contains(&thread)) {
                owed.push(recorded.position.0);
            }
            match (audience.thread, named.and_then(|addressee| addressee.change)) {
                (Some(thread), Some(MembershipChange::Joined)) => drop(member_of.insert(thread)),
                (Some(thread), Some(MembershipChange::Left)) => drop(member_of.remove(&thread)),
                (Some(_), None) | (None, _) => {}
            }
        }
        owed
    }

    fn answered(&self, command: CommandId) -> Option<(Hash, Appended)> {
        let of_command: Vec<_> = self.all().into_iter().filter(|event| event.command == command).collect();
        let (first, last) = (of_command.first()?, of_command.last()?);
        Some((first.fingerprint, Appended { first: first.position, last: last.position, repeated: true }))
    }

    fn take(&self, append: &Append) -> Result<Appended, AppendRefused> {
        append.consistent().unwrap();
        if let Some((fingerprint, answer)) = self.answered(append.command) {
            let same = fingerprint == append.fingerprint;
            return if same { Ok(answer) } else { Err(AppendRefused::CommandMismatch { command: append.command }) };
        }
        let mut entries = self.entries();
        for Check { stream, expected } in append.checks.iter().copied() {
            let (expected, actual) = (expected.version(), entries.iter().filter(|entry| entry.recorded.stream == stream).count() as u64);
            if expected != actual {
                return Err(AppendRefused::Moved { stream, expected, actual });
            }
        }
        let first = Position(entries.len() as u64 + 1);
        for (ordinal, event) in (0..).zip(&append.events) {
            let position = entries.len() as u64 + 1;
            let Append { command, fingerprint, .. } = *append;
            let recorded = Recorded { command, ordinal, fingerprint, ..taken(position, event.clone()) };
            entries.push(Entry { recorded, audience: Audience { thread: event.thread, users: event.addressees.clone() } });
        }
        Ok(Appended { first, last: Position(entries.len() as u64), repeated: false })
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap()
    }

    fn check(&self) -> Result<(), PortError> {
        if self.broken.swap(false, Ordering::Relaxed) { Err(PortError::unavailable("fake log", "broken")) } else { Ok(()) }
    }

    fn snapshot(&self, user: UserId) -> Memberships {
        let entries = self.entries();
        let mut windows = BTreeMap::<(ThreadId, Position), MembershipWindow>::new();
        for Entry { recorded, audience } in &*entries {
            let Some(thread) = audience.thread else { continue };
            for addressee in audience.users.iter().filter(|addressee| addressee.user == user) {
                let position = recorded.position;
                let open = windows.values_mut().find(|window| window.thread == thread && window.until.is_none());
                match (addressee.change, open) {
                    (Some(MembershipChange::Joined), None) => {
                        windows.insert((thread, position), MembershipWindow { thread, from: position, until: None });
                    }
                    (Some(MembershipChange::Left), Some(window)) => window.until = Some(position),
                    (Some(MembershipChange::Joined), Some(_)) | (Some(MembershipChange::Left), None) | (None, _) => {}
                }
            }
        }
        let mut windows: Vec<_> = windows.into_values().collect();
        windows.sort_by_key(|window| window.from);
        Memberships { as_of: Position(entries.len() as u64), windows }
    }
}

#[async_trait]
impl EventLog for FakeLog {
    async fn record(&self, batch: Vec<Append>) -> Result<Recording, PortError> {
        let before = self.entries().len();
        let answers = batch.iter().map(|append| self.take(append)).collect();
        let events = self.entries()[before..].iter().map(|entry| entry.recorded.clone()).collect();
        Ok(Recording { answers, events, ..Recording::default() })
    }

    async fn find_command(&self, command: CommandId) -> Result<Option<(Hash, Appended)>, PortError> {
        Ok(self.answered(command))
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.check()?;
        let read = self.entries().iter().map(|entry| &entry.recorded).filter(|event| event.position > after).take(limit).cloned().collect();
        if self.slow.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        Ok(read)
    }

    async fn read_stream(&self, stream: StreamId, after_version: u64, limit: usize) -> Result<Vec<Recorded>, PortError> {
        self.check()?;
        let all = self.all().into_iter();
        let events: Vec<_> = all.filter(|event| event.stream == stream && event.version > after_version).take(limit).collect();
        self.rows.fetch_add(events.len(), Ordering::Relaxed);
        Ok(events)
    }

    async fn read_for_user(&self, user: UserId, after: Position, upto: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        self.check()?;
        let owed = self.owed(user);
        let owed = owed.into_iter().filter(|position| (after.0 + 1..=upto.0).contains(position)).take(limit);
        let events = owed.map(|position| self.entries()[usize::try_from(position - 1).unwrap()].recorded.clone()).collect();
        if let Some(hook) = &mut *self.after_read_for_user.lock().unwrap() {
            hook();
        }
        Ok(events)
    }

    async fn memberships(&self, user: UserId) -> Result<Memberships, PortError> {
        self.check()?;
        let snapshot = self.snapshot(user);
        if let Some(hook) = self.after_memberships.lock().unwrap().take() {
            hook();
        }
        // The caller may be gone by the time it arrives.
        tokio::task::yield_now().await;
        Ok(snapshot)
    }

    async fn windows(&self, user: UserId, thread: ThreadId) -> Result<Vec<MembershipWindow>, PortError> {
        self.check()?;
        Ok(self.snapshot(user).windows.into_iter().filter(|window| window.thread == thread).collect())
    }

    async fn members_at(
        &self,
        thread: ThreadId,
        position: Position,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, PortError> {
        self.check()?;
        let mut everybody = BTreeSet::new();
        for entry in &*self.entries() {
            everybody.extend(entry.audience.users.iter().map(|addressee| addressee.user));
        }
        let was_there = |user: &UserId| {
            let windows = self.snapshot(*user).windows.into_iter().filter(|window| window.thread == thread);
            windows.into_iter().any(|window| window.from <= position && window.until.is_none_or(|until| position <= until))
        };
        Ok(everybody.into_iter().filter(|user| after.is_none_or(|after| *user > after)).filter(was_there).take(limit).collect())
    }

    async fn addressees(&self, positions: &[Position]) -> Result<Vec<(Position, Addressee)>, PortError> {
        self.named.fetch_add(1, Ordering::Relaxed);
        self.check()?;
        let mut positions = positions.to_vec();
        positions.sort_unstable();
        let named = |position: Position| {
            let mut users = self.audience(position).users;
            users.sort_unstable_by_key(|addressee| addressee.user);
            users.into_iter().map(move |addressee| (position, addressee))
        };
        Ok(positions.into_iter().flat_map(named).collect())
    }

    async fn readings(&self, thread: ThreadId, position: Position, users: &[UserId]) -> Result<Vec<Reading>, PortError> {
        self.check()?;
        let mut readings: Vec<Reading> = Vec::new();
        for recorded in self.all() {
            let Ok(Event::Subscription(SubscriptionEvent::Read { thread: of, user, upto, device })) = recorded.event() else { continue };
            if *of == thread && *upto >= position.0 && users.contains(user) && readings.iter().all(|reading| reading.user != *user) {
                readings.push(Reading { user: *user, at: recorded.at, device: *device });
            }
        }
        Ok(readings)
    }

    async fn deletions(&self, streams: &[Uuid]) -> Result<Vec<Recorded>, PortError> {
        self.check()?;
        let deletes = |event: &Recorded| ["message.deleted", "thread.messages_deleted"].contains(&event.event_type.as_str());
        Ok(self.all().into_iter().filter(|event| deletes(event) && streams.contains(&event.stream.id)).collect())
    }

    async fn head(&self) -> Result<Head, PortError> {
        self.heads.fetch_add(1, Ordering::Relaxed);
        self.check()?;
        Ok(Head { position: Position(self.entries().len() as u64), hash: [0; 32] })
    }

    async fn grown(&self, beyond: Position) {
        if !self.tells.load(Ordering::Relaxed) || self.entries().len() as u64 <= beyond.0 {
            std::future::pending().await
        }
    }
}
