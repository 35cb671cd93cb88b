//! What a connection is told in passing: a small queue beside its inbox. Newer news of the same thing takes the place of older, and when
//! there is too much of it the oldest is forgotten. Nothing here ever waits for, or delays, an event.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use posthaste_domain::{ThreadId, UserId};

use super::inbox::Attached;
use crate::recorded::Position;

/// Most asides that wait for a connection.
pub(super) const CAPACITY: usize = 64;

/// Something a connection is told in passing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    /// Somebody types, or has ended.
    Typing {
        /// Where.
        thread: ThreadId,
        /// Who.
        user: UserId,
        /// Whether they do.
        on: bool,
    },
    /// How far somebody has received or read a thread.
    Receipt {
        /// Which thread.
        thread: ThreadId,
        /// Who has.
        user: UserId,
        /// A device of theirs has stored everything up to here.
        delivered: Option<Position>,
        /// They have read everything up to here.
        read: Option<Position>,
    },
}

impl Aside {
    const fn thread(&self) -> ThreadId {
        match self {
            Self::Typing { thread, .. } | Self::Receipt { thread, .. } => *thread,
        }
    }

    /// The two as one, if they are news of the same thing.
    fn after(self, earlier: Self) -> Option<Self> {
        match (earlier, self) {
            (Self::Typing { thread, user, .. }, Self::Typing { thread: same, user: they, .. }) if (thread, user) == (same, they) => {
                Some(self)
            }
            (
                Self::Receipt { thread, user, delivered, read },
                Self::Receipt { thread: same, user: they, delivered: now_delivered, read: now_read },
            ) if (thread, user) == (same, they) => {
                Some(Self::Receipt { thread, user, delivered: delivered.max(now_delivered), read: read.max(now_read) })
            }
            (Self::Typing { .. } | Self::Receipt { .. }, Self::Typing { .. } | Self::Receipt { .. }) => None,
        }
    }
}

/// The queue of one connection.
#[derive(Debug, Default)]
pub(super) struct Asides {
    waiting: Mutex<VecDeque<Aside>>,
    waker: AtomicWaker,
}

impl Asides {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Aside>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, aside: Aside) {
        let mut waiting = self.waiting();
        let merged = waiting.iter().enumerate().find_map(|(index, earlier)| Some((index, aside.after(*earlier)?)));
        if let Some((index, merged)) = merged {
            waiting[index] = merged;
            return;
        }
        if waiting.len() >= CAPACITY {
            waiting.pop_front();
        }
        waiting.push_back(aside);
    }

    /// To be called after a push, without any lock held.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Aside> {
        self.waker.register(cx.waker());
        self.waiting().pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Attached {
    /// Waits for something to tell the client in passing. Can be dropped and called again at any time.
    pub async fn aside(&self) -> Aside {
        poll_fn(|cx| {
            loop {
                match self.asides.poll(cx) {
                    // Whoever was removed since hears no more of the thread.
                    Poll::Ready(aside) if !self.is_subscribed(aside.thread()) => {}
                    polled @ (Poll::Ready(_) | Poll::Pending) => return polled,
                }
            }
        })
        .await
    }

    /// Whether its user is in this thread, as far as this node knows.
    #[must_use]
    pub fn is_subscribed(&self, thread: ThreadId) -> bool {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).contains(&thread)
    }
}
