//! What a decision may not take from memory, after the log has said no to the one before it.

use std::collections::HashMap;

use crate::recorded::StreamId;

/// When more different streams than this have moved, memory is of no use to the decision.
const STALE: usize = 4;

/// Why memory is not trusted.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// Nothing is trusted.
    all: bool,
    /// The stream that it is this command's turn to write. Its end is read, even by a node that knows it from its own last append:
    /// it would otherwise always be faster than the others that want to write it.
    turn: Option<StreamId>,
    /// Versions that the log has told of.
    known: HashMap<StreamId, u64>,
}

impl Doubts {
    /// Trusts nothing.
    pub(super) fn of_everything() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// The log says that a stream is at this version, and the decision took it for another.
    pub(super) fn moved(&mut self, stream: StreamId, version: u64) {
        self.known.insert(stream, version);
        self.all = self.known.len() > STALE;
        if self.all {
            // The next decision brings up to date whatever it reads.
            self.known.clear();
        }
    }

    /// It is this command's turn to write the stream.
    pub(super) fn in_turn(&mut self, stream: StreamId) {
        self.turn = Some(stream);
    }

    /// Whether the stream may be taken to be at this version.
    pub(super) fn allow(&self, stream: StreamId, version: u64) -> bool {
        !self.all && self.turn != Some(stream) && self.known.get(&stream).is_none_or(|known| *known <= version)
    }
}
