//! What a connection is at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// What a connection is at, as those see it who accept, read, and answer.
pub(super) struct Phase {
    at: AtomicU8,
    half_open: Arc<AtomicUsize>,
    /// Whether it is one of them.
    counted: AtomicBool,
    told: Notify,
}

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum At {
    /// Nothing was asked yet.
    New = 0,
    /// A request is being answered.
    Busy = 1,
    /// The last request was answered.
    Idle = 2,
    /// It is a socket.
    Upgraded = 3,
}

impl Phase {
    /// Of a new connection, which counts as half open until it asks or goes.
    pub(super) fn new(half_open: Arc<AtomicUsize>) -> Arc<Self> {
        half_open.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { at: AtomicU8::new(At::New as u8), half_open, counted: AtomicBool::new(true), told: Notify::new() })
    }

    pub(super) fn at(&self) -> At {
        match self.at.load(Ordering::Relaxed) {
            0 => At::New,
            1 => At::Busy,
            2 => At::Idle,
            _ => At::Upgraded,
        }
    }

    fn set(&self, at: At) {
        self.at.store(at as u8, Ordering::Relaxed);
        self.count_no_more();
    }

    fn count_no_more(&self) {
        if self.counted.swap(false, Ordering::Relaxed) {
            self.half_open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A request was read.
    pub(super) fn busy(&self) {
        self.set(At::Busy);
    }

    /// There is an answer.
    pub(super) fn idle(&self) {
        self.set(At::Idle);
    }

    /// It speaks HTTP no more.
    pub(super) fn upgraded(&self) {
        self.set(At::Upgraded);
    }

    pub(super) fn is_half_open(&self) -> bool {
        self.counted.load(Ordering::Relaxed)
    }

    /// Makes room for others.
    pub(super) fn send_away(&self) {
        self.count_no_more();
        self.told.notify_one();
    }

    /// Ends when it has to make room.
    pub(super) async fn until_sent_away(&self) {
        self.told.notified().await;
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        self.count_no_more();
    }
}
