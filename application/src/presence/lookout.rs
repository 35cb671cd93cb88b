//! Looks at everybody who is watched on this node, together, and tells each watcher what has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures::task::AtomicWaker;
use posthaste_domain::UserId;

use super::board::Board;
use super::{PresenceTiming, Shown, TOGETHER};
use crate::port::{Clock, PortError, Presence};
use crate::view::Views;

/// With each look, so many of all pairs are asked again whether the one may still see the other.
const AGAIN: usize = 1_000;

/// At whom to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Everybody.
    All,
    /// Those of whom somebody waits to hear for the first time.
    New,
}

/// What waits to be told to one watcher: the latest of each.
#[derive(Default)]
pub(super) struct Mailbox {
    shown: Mutex<BTreeMap<UserId, Shown>>,
    waker: AtomicWaker,
}

impl Mailbox {
    fn shown(&self) -> MutexGuard<'_, BTreeMap<UserId, Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn empty(&self) {
        self.shown().clear();
    }

    pub(super) fn put(&self, shown: Shown) {
        self.shown().insert(shown.user, shown);
        self.waker.wake();
    }

    pub(super) fn take(&self) -> Vec<Shown> {
        std::mem::take(&mut *self.shown()).into_values().collect()
    }
}

/// A node's lookout.
pub struct Lookout {
    board: Mutex<Board>,
    presence: Arc<dyn Presence>,
    views: Arc<dyn Views>,
    clock: Arc<dyn Clock>,
    timing: PresenceTiming,
    asked: AtomicBool,
    waker: AtomicWaker,
}

impl Lookout {
    /// Nobody watches yet.
    #[must_use]
    pub fn new(presence: Arc<dyn Presence>, views: Arc<dyn Views>, clock: Arc<dyn Clock>, timing: PresenceTiming) -> Self {
        let (asked, waker) = (AtomicBool::new(false), AtomicWaker::new());
        Self { board: Mutex::default(), presence, views, clock, timing, asked, waker }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a user watch others; ends when it is dropped.
    #[must_use]
    pub fn watcher(self: &Arc<Self>, user: UserId) -> Watcher {
        let mailbox = Arc::new(Mailbox::default());
        let number = self.board().enter(user, Arc::clone(&mailbox));
        Watcher { lookout: Arc::clone(self), number, mailbox }
    }

    /// Waits until somebody wants to hear of others for the first time since the last step. One task at a time may wait.
    pub async fn asked(&self) {
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            if self.asked.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Looks, and tells whoever has something to be told how it is; gives how much that was. Whether they may see it is asked anew before.
    ///
    /// # Errors
    /// The presence, or who may see whom, cannot be asked. Nobody is told anything they are not sure to be allowed to see; the next step goes
    /// on.
    pub async fn step(&self, look: Look) -> Result<usize, PortError> {
        self.asked.store(false, Ordering::Release);
        let users = self.board().watched(look == Look::New);
        for users in users.chunks(TOGETHER) {
            let seen = self.presence.look(users).await.inspect_err(|_| self.board().blind())?;
            let now = self.clock.now();
            let mut board = self.board();
            seen.into_iter().for_each(|seen| board.believe(seen, now, self.timing.disbelief()));
        }
        let again = if look == Look::All { AGAIN } else { 0 };
        let doubtful = self.board().doubtful(again, self.clock.now(), self.timing.calm);
        let mut told = 0;
        for doubtful in doubtful.chunks(TOGETHER) {
            let (pairs, asked): (Vec<_>, Vec<_>) = doubtful.iter().copied().unzip();
            let glimpses = self.views.glimpses(&asked).await?;
            told += self.board().tell(pairs.into_iter().zip(glimpses), self.clock.now(), self.timing.calm);
        }
        Ok(told)
    }
}

/// Somebody who watches others.
pub struct Watcher {
    lookout: Arc<Lookout>,
    number: u64,
    mailbox: Arc<Mailbox>,
}

impl Watcher {
    /// Watches these from now on, and nobody else. How each of them is comes first, as soon as it is known, and then what changes.
    pub fn watch(&self, users: impl IntoIterator<Item = UserId>) {
        let users: BTreeSet<_> = users.into_iter().collect();
        self.lookout.board().watch(self.number, &users);
        if !users.is_empty() {
            self.lookout.asked.store(true, Ordering::Release);
            self.lookout.waker.wake();
        }
    }

    /// What is to be told, once there is something. Can be dropped and called again; one task at a time.
    pub async fn changes(&self) -> Vec<Shown> {
        poll_fn(|cx| {
            self.mailbox.waker.register(cx.waker());
            let shown = self.mailbox.take();
            if shown.is_empty() { Poll::Pending } else { Poll::Ready(shown) }
        })
        .await
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.lookout.board().leave(self.number);
    }
}
