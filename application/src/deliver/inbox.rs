//! What the hub has for one connection: a bounded queue. When it is full it is emptied, and the device goes on from the log.

use std::collections::{HashSet, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use posthaste_domain::{SessionId, ThreadId};

use super::asides::Asides;
use super::push::Push;
use crate::port::cursors::{Device, Generation};

/// Most events that wait for a connection. They are shared with other connections; beyond this the log holds them.
const CAPACITY: usize = 256;
/// Most bytes that wait for a connection.
const CAPACITY_BYTES: usize = 256 * 1024;

/// Why the hub let go of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detached {
    /// The same device connected again.
    Replaced,
    /// The login it speaks for was ended.
    Revoked,
    /// Its user was suspended.
    Suspended,
}

/// What an inbox had.
#[derive(Debug)]
pub(super) enum Taken {
    /// Events, in order, with none missing since the last take.
    Events(VecDeque<Arc<Push>>),
    /// It was full; the device must read from the log and go live again.
    Overflowed,
    /// The hub let go of the connection.
    Detached(Detached),
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Arc<Push>>,
    bytes: usize,
    live: bool,
    detached: Option<Detached>,
}

impl Queue {
    fn overflow(&mut self) {
        *self = Self { detached: self.detached, ..Self::default() };
    }
}

/// A connection's place in the hub.
#[derive(Debug)]
pub struct Attached {
    pub(super) device: Device,
    pub(super) generation: Generation,
    pub(super) serial: u64,
    queue: Mutex<Queue>,
    waker: AtomicWaker,
    pub(super) asides: Asides,
    /// The threads it is subscribed to; only the hub changes them, under its own lock.
    pub(super) threads: Mutex<HashSet<ThreadId>>,
    /// The logins it speaks for: one, and another while it changes to that. Only the hub touches it, under its own lock.
    pub(super) sessions: Mutex<Vec<SessionId>>,
}

impl Attached {
    pub(super) fn new(device: Device, generation: Generation, serial: u64, session: SessionId) -> Self {
        Self {
            device,
            generation,
            serial,
            queue: Mutex::default(),
            waker: AtomicWaker::new(),
            asides: Asides::default(),
            threads: Mutex::default(),
            sessions: Mutex::new(vec![session]),
        }
    }

    /// The device that is connected.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is to be woken: whoever has not taken what was there before was woken for that. A client that is stalled costs nobody
    /// else a thought.
    pub(super) fn push(&self, push: &Arc<Push>) -> bool {
        let mut queue = self.queue();
        // An event can reach a device by its thread and by name.
        if !queue.live || queue.events.back().is_some_and(|last| last.position >= push.position) {
            return false;
        }
        let idle = queue.events.is_empty();
        queue.bytes += push.fields.len();
        if queue.events.len() >= CAPACITY || queue.bytes > CAPACITY_BYTES {
            queue.overflow();
        } else {
            queue.events.push_back(Arc::clone(push));
        }
        idle
    }

    /// The device must go on from the log.
    pub(super) fn overflow(&self) {
        self.queue().overflow();
    }

    pub(super) fn is_drained(&self) -> bool {
        let queue = self.queue();
        queue.live && queue.events.is_empty()
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue().events.len()
    }

    /// To be called after a run was pushed, without any lock held.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    pub(super) fn go_live(&self) {
        let mut queue = self.queue();
        *queue = Queue { live: true, detached: queue.detached, ..Queue::default() };
    }

    pub(super) fn detach(&self, why: Detached) {
        self.queue().detached = Some(why);
        self.wake();
    }

    pub(super) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Taken> {
        self.waker.register(cx.waker());
        let mut queue = self.queue();
        if let Some(why) = queue.detached {
            Poll::Ready(Taken::Detached(why))
        } else if !queue.live {
            Poll::Ready(Taken::Overflowed)
        } else if queue.events.is_empty() {
            Poll::Pending
        } else {
            queue.bytes = 0;
            Poll::Ready(Taken::Events(std::mem::take(&mut queue.events)))
        }
    }

    /// Waits for the hub to let go, whatever else happens.
    pub async fn until_detached(&self) -> Detached {
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            self.detached().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// Whether it speaks for this login.
    pub(super) fn speaks_for(&self, session: SessionId) -> bool {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).contains(&session)
    }

    /// Why the hub let go of it, if it has.
    #[must_use]
    pub fn detached(&self) -> Option<Detached> {
        self.queue().detached
    }
}
