//! What devices acknowledge, gathered and written in batches, and beside it what was sent to them and not acknowledged soon. An ack that is
//! lost in a crash costs a repeated push, never an event.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use chrono::{DateTime, TimeDelta, Utc};
use futures::task::AtomicWaker;

use super::hub::Hub;
use crate::meter::meters;
use crate::port::cursors::{CursorMove, Device, SentMark};
use crate::port::{Cursors, PortError};

/// What is sent to a device within this time is one mark, which says the time of the last: so there are few of them for each device.
const STRETCH: TimeDelta = TimeDelta::milliseconds(100);

/// What was sent to a device within a short time and is not acknowledged.
#[derive(Clone, Copy)]
struct Stretch {
    /// When the first of it was sent.
    first: DateTime<Utc>,
    /// All of it.
    mark: SentMark,
}

#[derive(Default)]
struct Waiting {
    /// The furthest move of each device.
    moves: HashMap<Device, CursorMove>,
    /// What each device has not acknowledged, in the order of sending. What it has never waits here.
    sent: HashMap<Device, VecDeque<Stretch>>,
}

#[derive(Default)]
struct Gathered {
    waiting: Mutex<Waiting>,
    waker: AtomicWaker,
}

impl Gathered {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, moved: CursorMove) {
        let mut waiting = self.waiting();
        let kept = waiting.moves.entry(moved.device).or_insert(moved);
        if kept.to < moved.to {
            *kept = moved;
        }
        if let Some(stretches) = waiting.sent.get_mut(&moved.device) {
            while stretches.pop_front_if(|stretch| stretch.mark.to <= moved.to).is_some() {}
            if stretches.is_empty() {
                waiting.sent.remove(&moved.device);
            }
        }
    }

    fn sent(&self, mark: SentMark) {
        let mut waiting = self.waiting();
        let stretches = waiting.sent.entry(mark.device).or_default();
        match stretches.back_mut() {
            // Sent again on another connection.
            Some(last) if mark.to <= last.mark.to => {}
            Some(last) if mark.at - last.first < STRETCH => last.mark = SentMark { at: mark.at.max(last.mark.at), ..mark },
            Some(_) | None => stretches.push_back(Stretch { first: mark.at, mark }),
        }
    }

    fn take(&self) -> Vec<CursorMove> {
        std::mem::take(&mut self.waiting().moves).into_values().collect()
    }

    /// What was sent at this time or before it.
    fn take_sent(&self, until: DateTime<Utc>) -> Vec<Stretch> {
        let mut taken = Vec::new();
        self.waiting().sent.retain(|_, stretches| {
            taken.extend(std::iter::from_fn(|| stretches.pop_front_if(|stretch| stretch.first <= until)));
            !stretches.is_empty()
        });
        taken
    }
}

/// Moves that are being written. What is not written, because it failed or was given up, goes back.
struct Taken<'a> {
    gathered: &'a Gathered,
    moves: Vec<CursorMove>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.moves.drain(..).for_each(|moved| self.gathered.add(moved));
    }
}

/// The same for what was sent.
struct TakenSent<'a> {
    gathered: &'a Gathered,
    stretches: Vec<Stretch>,
}

impl Drop for TakenSent<'_> {
    fn drop(&mut self) {
        let mut waiting = self.gathered.waiting();
        for stretch in self.stretches.drain(..).rev() {
            waiting.sent.entry(stretch.mark.device).or_default().push_front(stretch);
        }
    }
}

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct AckQueue(Arc<Gathered>);

/// The way out: one per process, driven by waiting for [`AckWriter::arrived`] and then calling [`AckWriter::flush`], with a pause between to
/// gather more, and now and then [`AckWriter::mark_sent`].
pub struct AckWriter {
    gathered: Arc<Gathered>,
    cursors: Arc<dyn Cursors>,
    hub: Arc<Hub>,
}

/// A queue in front of the cursors, for the connections of a hub. A connection that is found to be older than another one of its device is
/// let go of.
#[must_use]
pub fn ack_queue(cursors: Arc<dyn Cursors>, hub: Arc<Hub>) -> (AckQueue, AckWriter) {
    let gathered = Arc::new(Gathered::default());
    (AckQueue(Arc::clone(&gathered)), AckWriter { gathered, cursors, hub })
}

impl AckQueue {
    /// Takes note of an acknowledgement.
    pub fn add(&self, moved: CursorMove) {
        self.0.add(moved);
        self.0.waker.wake();
    }

    /// Takes note that everything meant for a device up to here was handed to its socket. It is forgotten if the device acknowledges it soon.
    pub fn sent(&self, mark: SentMark) {
        self.0.sent(mark);
    }
}

impl AckWriter {
    /// Waits for an acknowledgement. Can be dropped and called again at any time.
    pub async fn arrived(&mut self) {
        poll_fn(|cx| {
            self.gathered.waker.register(cx.waker());
            if self.gathered.waiting().moves.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// Waits for acknowledgements and writes all there are. Can be dropped and called again at any time.
    ///
    /// # Errors
    /// They could not be written; they are kept for the next step.
    pub async fn step(&mut self) -> Result<usize, PortError> {
        self.arrived().await;
        self.flush().await
    }

    /// Writes all acknowledgements there are, without waiting for any.
    ///
    /// # Errors
    /// As [`AckWriter::step`].
    pub async fn flush(&mut self) -> Result<usize, PortError> {
        let mut taken = Taken { gathered: &self.gathered, moves: self.gathered.take() };
        if taken.moves.is_empty() {
            return Ok(0);
        }
        let newest = self.cursors.advance(&taken.moves).await?;
        self.hub.replaced(&newest);
        meters().acks.increment(u64::try_from(taken.moves.len()).unwrap_or(u64::MAX));
        Ok(std::mem::take(&mut taken.moves).len())
    }

    /// Writes what was sent at this time or before it and was not acknowledged since. Can be dropped and called again at any time.
    ///
    /// # Errors
    /// It could not be written; it is kept for the next call.
    pub async fn mark_sent(&mut self, until: DateTime<Utc>) -> Result<usize, PortError> {
        let mut taken = TakenSent { gathered: &self.gathered, stretches: self.gathered.take_sent(until) };
        if taken.stretches.is_empty() {
            return Ok(0);
        }
        let marks: Vec<_> = taken.stretches.iter().map(|stretch| stretch.mark).collect();
        self.cursors.mark_sent(&marks).await?;
        Ok(std::mem::take(&mut taken.stretches).len())
    }
}
