//! What a device keeps.

use posthaste_application::recorded::Position;
use posthaste_domain::CommandId;

use crate::history::Pushed;

/// An event, stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where it stands in the log.
    pub position: Position,
    /// The command that led to it.
    pub key: CommandId,
    /// What it says, if it is a message.
    pub text: Option<String>,
}

/// A device's storage. Events and cursor change together, so a crash can never tell them apart.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Everything meant for this device up to here is stored.
    pub cursor: Position,
    /// What was stored, in the order of arrival.
    pub events: Vec<Stored>,
}

impl Storage {
    /// One that has everything up to a position behind it.
    #[must_use]
    pub fn new(cursor: Position) -> Self {
        Self { cursor, events: Vec::new() }
    }

    /// Takes an event, and says whether it was new.
    pub fn apply(&mut self, event: &Pushed) -> bool {
        let new = event.position > self.cursor;
        if new {
            self.cursor = event.position;
            self.events.push(Stored { position: event.position, key: event.key, text: event.text.clone() });
        }
        new
    }
}
