//! What this node tells the others in passing. Receipts are gathered: of one user in one thread at most one goes out in a second, and only
//! the furthest of what came meanwhile. Whom it is hidden from is asked of the views before anything goes out, all at once. What cannot be
//! published is lost, which is what signals are for.

use std::collections::{BTreeSet, HashMap};
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::task::AtomicWaker;
use posthaste_domain::{ThreadId, UserId};

use crate::deliver::Delivered;
use crate::execute::{Command, Envelope, ExecuteError, Executed};
use crate::meter::meters;
use crate::port::signals::{Signal, To};
use crate::port::{Clock, PortError, Signals};
use crate::read::Execute;
use crate::recorded::Position;
use crate::view::{Earshot, Views};

/// Most members of a thread in which it is told who types, and who has received and read.
pub const MOST_MEMBERS: u32 = 256;

/// How long receipts are gathered before they go out.
const GATHER: TimeDelta = TimeDelta::milliseconds(300);
/// Between two signals about one user in one thread.
const APART: TimeDelta = TimeDelta::seconds(1);
/// Typing that could not be told in this time is not told any more.
const STALE: TimeDelta = TimeDelta::seconds(5);
/// How long a thread is known to have too many members.
const LARGE: TimeDelta = TimeDelta::seconds(60);
/// Most that waits of either kind, and most threads that are known to be too large; what is beyond is lost.
const WAITING: usize = 4_096;
/// Most that go out together.
const TOGETHER: usize = 512;

type Whose = (ThreadId, UserId);

/// What says who is told.
#[async_trait]
pub trait Hearers: Send + Sync {
    /// As [`Views::earshot`].
    async fn earshot(&self, asked: &[(ThreadId, UserId)], most: u32) -> Result<Vec<Earshot>, PortError>;
}

#[async_trait]
impl Hearers for Arc<dyn Views> {
    async fn earshot(&self, asked: &[(ThreadId, UserId)], most: u32) -> Result<Vec<Earshot>, PortError> {
        (**self).earshot(asked, most).await
    }
}

#[derive(Debug)]
struct Receipt {
    delivered: Option<Position>,
    authors: BTreeSet<UserId>,
    read: Option<Position>,
    since: DateTime<Utc>,
}

#[derive(Default)]
struct Waiting {
    typing: HashMap<Whose, (bool, DateTime<Utc>)>,
    receipts: HashMap<Whose, Receipt>,
    /// Threads with too many members, and until when that is believed.
    large: HashMap<ThreadId, DateTime<Utc>>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    waker: AtomicWaker,
    clock: Arc<dyn Clock>,
    lost: AtomicU64,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, signals: usize) {
        let signals = u64::try_from(signals).unwrap_or(u64::MAX);
        self.lost.fetch_add(signals, Ordering::Relaxed);
        meters().signals_lost.increment(signals);
    }
}

/// The way in. Cheap to clone, and nobody waits on it.
#[derive(Clone)]
pub struct SignalQueue(Arc<Shared>);

/// The way out: one for each process, driven by waiting for [`SignalWriter::arrived`], then for a moment, then calling
/// [`SignalWriter::step`].
pub struct SignalWriter {
    shared: Arc<Shared>,
    signals: Arc<dyn Signals>,
    hearers: Arc<dyn Hearers>,
    /// Who was told of, and when.
    told: HashMap<Whose, DateTime<Utc>>,
}

/// A queue in front of the signals.
#[must_use]
pub fn signal_queue(signals: Arc<dyn Signals>, hearers: Arc<dyn Hearers>, clock: Arc<dyn Clock>) -> (SignalQueue, SignalWriter) {
    let shared = Arc::new(Shared { waiting: Mutex::default(), waker: AtomicWaker::new(), clock, lost: AtomicU64::new(0) });
    (SignalQueue(Arc::clone(&shared)), SignalWriter { shared, signals, hearers, told: HashMap::new() })
}

impl SignalQueue {
    /// Somebody types, or has ended.
    pub fn typing(&self, thread: ThreadId, user: UserId, on: bool) {
        let now = self.0.clock.now();
        let mut waiting = self.0.waiting();
        let Waiting { typing, large, .. } = &mut *waiting;
        if large.contains_key(&thread) {
            return;
        }
        if typing.len() >= WAITING && !typing.contains_key(&(thread, user)) {
            return self.0.lose(1);
        }
        typing.insert((thread, user), (on, now));
        drop(waiting);
        self.0.waker.wake();
    }

    /// A device of a user has stored these messages.
    pub fn delivered(&self, user: UserId, messages: &[Delivered]) {
        for message in messages {
            self.receipt((message.thread, user), |receipt| {
                receipt.delivered = receipt.delivered.max(Some(message.position));
                receipt.authors.insert(message.author);
            });
        }
    }

    /// A user has read a thread up to a position.
    pub fn read(&self, user: UserId, thread: ThreadId, upto: Position) {
        self.receipt((thread, user), |receipt| receipt.read = receipt.read.max(Some(upto)));
    }

    /// How many signals were lost on this side: what is lost on the way nobody knows.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    fn receipt(&self, whose: Whose, advance: impl FnOnce(&mut Receipt)) {
        let now = self.0.clock.now();
        let mut waiting = self.0.waiting();
        let Waiting { receipts, large, .. } = &mut *waiting;
        if large.contains_key(&whose.0) {
            return;
        }
        if receipts.len() >= WAITING && !receipts.contains_key(&whose) {
            return self.0.lose(1);
        }
        advance(receipts.entry(whose).or_insert_with(|| Receipt { delivered: None, authors: BTreeSet::new(), read: None, since: now }));
        drop(waiting);
        self.0.waker.wake();
    }
}

impl SignalWriter {
    /// Waits until something waits, be it due or not. Can be dropped and called again at any time.
    pub async fn arrived(&mut self) {
        poll_fn(|cx| {
            self.shared.waker.register(cx.waker());
            let waiting = self.shared.waiting();
            if waiting.typing.is_empty() && waiting.receipts.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// Publishes what is due, and gives how many signals that was. What was taken and not published is lost.
    ///
    /// # Errors
    /// The views or the signals failed.
    pub async fn step(&mut self) -> Result<usize, PortError> {
        let due = self.due();
        if due.is_empty() {
            return Ok(0);
        }
        let published = self.publish(&due).await;
        if published.is_err() {
            self.shared.lose(due.len());
        }
        published
    }

    /// Takes what is due now.
    fn due(&mut self) -> Vec<(Whose, Due)> {
        let now = self.shared.clock.now();
        let passed = |since: DateTime<Utc>, least: TimeDelta| {
            let elapsed = now.signed_duration_since(since);
            // A clock that was set back must not hold anything up.
            elapsed >= least || elapsed < TimeDelta::zero()
        };
        self.told.retain(|_, at| !passed(*at, APART));
        let mut waiting = self.shared.waiting();
        waiting.large.retain(|_, until| now < *until);
        let mut due: Vec<_> = waiting
            .typing
            .extract_if(|_, _| true)
            .take(TOGETHER)
            .filter(|(_, (_, since))| now.signed_duration_since(*since) < STALE)
            .map(|(whose, (on, _))| (whose, Due::Typing(on)))
            .collect();
        let told = &self.told;
        let receipts = waiting.receipts.extract_if(|whose, receipt| passed(receipt.since, GATHER) && !told.contains_key(whose));
        due.extend(receipts.take(TOGETHER).map(|(whose, receipt)| (whose, Due::Receipt(receipt))));
        drop(waiting);
        let receipts = due.iter().filter(|(_, due)| matches!(due, Due::Receipt(_)));
        self.told.extend(receipts.map(|(whose, _)| (*whose, now)));
        due
    }

    async fn publish(&self, due: &[(Whose, Due)]) -> Result<usize, PortError> {
        let asked: Vec<_> = due.iter().map(|(whose, _)| *whose).collect();
        let earshots = self.hearers.earshot(&asked, MOST_MEMBERS).await?;
        let mut signals = Vec::with_capacity(due.len());
        for ((whose, due), earshot) in due.iter().zip(earshots) {
            match earshot {
                Earshot::Nobody => {}
                Earshot::TooMany => self.keep_off(whose.0),
                Earshot::Members { but, reading } => due.say(*whose, &but, reading, &mut signals),
            }
        }
        self.signals.publish(&signals).await?;
        meters().signals.increment(u64::try_from(signals.len()).unwrap_or(u64::MAX));
        Ok(signals.len())
    }

    /// For a while nothing more is gathered for a thread that is too large.
    fn keep_off(&self, thread: ThreadId) {
        let until = self.shared.clock.now() + LARGE;
        let mut waiting = self.shared.waiting();
        if waiting.large.len() < WAITING {
            waiting.large.insert(thread, until);
        }
        waiting.receipts.retain(|(other, _), _| *other != thread);
        waiting.typing.retain(|(other, _), _| *other != thread);
    }
}

/// Something that is to be told.
enum Due {
    Typing(bool),
    Receipt(Receipt),
}

impl Due {
    fn say(&self, (thread, user): Whose, hidden_from: &[UserId], reading: bool, signals: &mut Vec<Signal>) {
        let hidden_from = || hidden_from.to_vec();
        match self {
            Self::Typing(on) => signals.push(Signal::Typing { thread, user, on: *on, hidden_from: hidden_from() }),
            Self::Receipt(receipt) => {
                let Receipt { delivered, authors, read, since: _ } = receipt;
                // Who wrote is told what has arrived, everybody what was read.
                if delivered.is_some() {
                    let to = To::Users(authors.iter().copied().collect());
                    signals.push(Signal::Receipt { thread, user, delivered: *delivered, read: None, to, hidden_from: hidden_from() });
                }
                if reading && read.is_some() {
                    let to = To::Members;
                    signals.push(Signal::Receipt { thread, user, delivered: None, read: *read, to, hidden_from: hidden_from() });
                }
            }
        }
    }
}

/// Executes commands, and tells of those who have read.
pub struct Telling<E> {
    executor: E,
    queue: SignalQueue,
}

impl<E> Telling<E> {
    /// Around what executes.
    pub const fn new(executor: E, queue: SignalQueue) -> Self {
        Self { executor, queue }
    }
}

#[async_trait]
impl<E: Execute> Execute for Telling<E> {
    async fn execute(&self, envelope: Envelope, command: Command) -> Result<Executed, ExecuteError> {
        let read = if let Command::ReadUpTo { thread, upto, .. } = &command { envelope.actor.zip(Some((*thread, *upto))) } else { None };
        let executed = self.executor.execute(envelope, command).await?;
        if let Some((user, (thread, upto))) = read
            && !executed.repeated
        {
            self.queue.read(user, thread, upto);
        }
        Ok(executed)
    }
}

#[cfg(test)]
mod tests;
