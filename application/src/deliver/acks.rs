//! Acknowledgements, gathered per device and written in batches. One that is lost in a crash costs a repeated push, never an event.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures::task::AtomicWaker;

use crate::port::cursors::{CursorMove, Device};
use crate::port::{Cursors, PortError};

#[derive(Default)]
struct Gathered {
    moves: Mutex<HashMap<Device, CursorMove>>,
    waker: AtomicWaker,
}

impl Gathered {
    /// Keeps the furthest move of each device.
    fn add(&self, moved: CursorMove) {
        let mut moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = moves.entry(moved.device).or_insert(moved);
        if kept.to < moved.to {
            *kept = moved;
        }
    }

    fn take(&self) -> Vec<CursorMove> {
        let mut moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *moves).into_values().collect()
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

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct AckQueue(Arc<Gathered>);

/// The way out: one per process, driven by calling [`AckWriter::step`] for ever, with a pause between calls to gather more.
pub struct AckWriter {
    gathered: Arc<Gathered>,
    cursors: Arc<dyn Cursors>,
}

/// A queue in front of the cursors.
#[must_use]
pub fn ack_queue(cursors: Arc<dyn Cursors>) -> (AckQueue, AckWriter) {
    let gathered = Arc::new(Gathered::default());
    (AckQueue(Arc::clone(&gathered)), AckWriter { gathered, cursors })
}

impl AckQueue {
    /// Takes note of an acknowledgement.
    pub fn add(&self, moved: CursorMove) {
        self.0.add(moved);
        self.0.waker.wake();
    }
}

impl AckWriter {
    /// Waits for acknowledgements and writes all there are. Can be dropped and called again at any time.
    ///
    /// # Errors
    /// They could not be written; they are kept for the next step.
    pub async fn step(&mut self) -> Result<usize, PortError> {
        poll_fn(|cx| {
            self.gathered.waker.register(cx.waker());
            let empty = self.gathered.moves.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
            if empty { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        self.flush().await
    }

    /// Writes all there are, without waiting for any.
    ///
    /// # Errors
    /// As [`AckWriter::step`].
    pub async fn flush(&mut self) -> Result<usize, PortError> {
        let mut taken = Taken { gathered: &self.gathered, moves: self.gathered.take() };
        if taken.moves.is_empty() {
            return Ok(0);
        }
        self.cursors.advance(&taken.moves).await?;
        Ok(std::mem::take(&mut taken.moves).len())
    }
}
