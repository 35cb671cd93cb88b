//! What a client can note.

use std::fmt;

use posthaste_application::port::cursors::Device;
use posthaste_application::recorded::Position;
use posthaste_domain::{CommandId, ThreadId, UserId};
use uuid::Uuid;

/// One connection of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection(pub u64);

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Something that happened at a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A message is about to be sent, for the first time or again.
    Sent {
        /// By whom.
        user: UserId,
        /// Under which id.
        command: CommandId,
        /// Into which thread.
        thread: ThreadId,
        /// What it says.
        text: String,
    },
    /// A command was answered.
    Answered {
        /// Which.
        command: CommandId,
        /// How.
        answer: Answer,
    },
    /// A device was welcomed.
    Connected {
        /// Which device.
        device: Device,
        /// On which connection.
        connection: Connection,
        /// The cursor the device named, if it did.
        asked: Option<Position>,
        /// The cursor it was told.
        cursor: Position,
    },
    /// An event arrived.
    Pushed {
        /// At which device.
        device: Device,
        /// On which connection.
        connection: Connection,
        /// As it arrived.
        event: Pushed,
    },
    /// A device was told that the backlog is done.
    Live {
        /// Which device.
        device: Device,
        /// On which connection.
        connection: Connection,
        /// Up to where.
        position: Position,
    },
    /// A device says that it has stored everything up to a position.
    Acked {
        /// Which device.
        device: Device,
        /// Up to where.
        position: Position,
    },
    /// A device has come to rest: everything it is owed up to a position must have arrived.
    Quiesced {
        /// Which device.
        device: Device,
        /// Up to where.
        position: Position,
    },
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was carried out.
    Ok {
        /// The id of what came of it.
        id: Uuid,
        /// Where it was recorded.
        position: Position,
        /// It had been carried out before.
        dup: bool,
    },
    /// It was not, or it is not known.
    Err {
        /// The stable code.
        code: String,
        /// What the client can do: `never` means that it was refused for good.
        retry: String,
    },
}

impl Answer {
    /// Whether the command is settled by it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Ok { .. } => true,
            Self::Err { retry, .. } => retry == "never",
        }
    }
}

/// What of an `ev` frame is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Where it stands in the log.
    pub position: Position,
    /// The event before it on this connection, or the cursor.
    pub prev: Position,
    /// The event's id.
    pub id: Uuid,
    /// The event's type.
    pub event_type: String,
    /// Its thread, if it has one.
    pub thread: Option<ThreadId>,
    /// The command that led to it.
    pub key: CommandId,
    /// What it says, if it is a message.
    pub text: Option<String>,
}
