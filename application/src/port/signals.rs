//! What nodes tell each other in passing: who types, who has received and read. Nothing of it is stored, any of it may be lost, and
//! nothing that must arrive goes this way.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use futures::stream::BoxStream;
use posthaste_domain::{ThreadId, UserId};
use serde::{Deserialize, Serialize};

use super::PortError;
use super::cursors::{Device, Generation};
use crate::recorded::Position;

/// Something that is of interest now or never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "snake_case")]
pub enum Signal {
    /// Somebody begins or ends to type. Goes to the members of the thread, but not to the typist.
    Typing {
        /// Where.
        thread: ThreadId,
        /// Who.
        user: UserId,
        /// Whether they type.
        on: bool,
        /// Members who are not told.
        hidden_from: Vec<UserId>,
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
        /// Who is told.
        to: To,
        /// Members who are not told.
        hidden_from: Vec<UserId>,
    },
    /// A device has connected somewhere: its connections of an older generation are over.
    Replaced {
        /// Which device.
        device: Device,
        /// The generation of its newest connection.
        generation: Generation,
    },
}

/// Who is told of a receipt. Only members of the thread are, whoever is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// These members.
    Users(Vec<UserId>),
    /// All members but the one it is about.
    Members,
}

/// The signals.
#[async_trait]
pub trait Signals: Send + Sync {
    /// Tells every node that is subscribed, this one included. What is given together arrives together or not at all.
    async fn publish(&self, signals: &[Signal]) -> Result<(), PortError>;

    /// Everything that is published from now on, as it was given together, until the connection fails: then the stream ends with the
    /// error, and the subscriber subscribes again. What comes faster than it is taken is lost.
    async fn subscribe(&self) -> Result<BoxStream<'static, Result<Vec<Signal>, PortError>>, PortError>;
}
