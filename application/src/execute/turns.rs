//! Commands of this node that write one stream and got into each other's way take turns.

use futures::lock::{Mutex, MutexGuard};

use crate::recorded::StreamId;

/// Streams share a turn when they fall on the same one of these; that costs time and nothing else.
const STRIPES: usize = 1_024;

/// Whose turn it is.
pub(super) struct Turns {
    stripes: Vec<Mutex<()>>,
}

/// The turn of one command, until it is dropped. Nobody may hold two: they could wait for each other.
pub(super) struct Turn<'a> {
    pub(super) stream: StreamId,
    _held: MutexGuard<'a, ()>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { stripes: std::iter::repeat_with(Mutex::default).take(STRIPES).collect() }
    }

    /// Waits for the turn to write a stream.
    pub(super) async fn take(&self, stream: StreamId) -> Turn<'_> {
        // The low bits of every identifier are random or a digest.
        let stripe = stream.id.as_u128() % STRIPES as u128;
        let stripe = usize::try_from(stripe).expect("fewer stripes than memory has places");
        Turn { stream, _held: self.stripes[stripe].lock().await }
    }
}
