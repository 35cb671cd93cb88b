//! Dead letters: events that a consumer of the log cannot take, each with its stream parked behind it. There is no copy of anything: what
//! waits is read from the log.

#[cfg(feature = "contract")]
pub mod contract;

use std::fmt::{self, Display};
use std::str::FromStr;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::PortError;
use crate::recorded::{Position, StreamId};
use crate::view::ViewName;

/// Who takes the log in, and has streams parked when there is something that it cannot take.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Consumer {
    /// A view.
    View(ViewName),
    /// An endpoint of somebody else's, by its name.
    Webhook(String),
}

impl Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::View(view) => write!(f, "view:{view}"),
            Self::Webhook(name) => write!(f, "webhook:{name}"),
        }
    }
}

impl Serialize for Consumer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Not the name of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a consumer is called view:<name> or webhook:<name>, such as view:timeline")]
pub struct NotAConsumer;

impl FromStr for Consumer {
    type Err = NotAConsumer;

    fn from_str(text: &str) -> Result<Self, NotAConsumer> {
        match text.split_once(':') {
            Some(("view", name)) => ViewName::ALL.into_iter().find(|view| view.as_str() == name).map(Self::View).ok_or(NotAConsumer),
            Some(("webhook", name)) if !name.is_empty() => Ok(Self::Webhook(name.to_owned())),
            Some(_) | None => Err(NotAConsumer),
        }
    }
}

/// A parked stream, and the event that it is parked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Who cannot take it.
    pub consumer: Consumer,
    /// The stream.
    pub stream: StreamId,
    /// The first event that was not taken.
    pub position: Position,
    /// Its place in the stream.
    pub version: u64,
    /// How often it was tried.
    pub tries: u32,
    /// Why it cannot be taken.
    pub reason: String,
    /// When it was given up first.
    pub since: DateTime<Utc>,
    /// When somebody asked to have it tried again, or dropped, and that was not done yet.
    pub asked_at: Option<DateTime<Utc>>,
    /// How many later events of the stream wait behind it, as far as the consumer came.
    pub waiting: u64,
}

/// Where a page of letters begins: behind this consumer and stream.
pub type After<'a> = (&'a Consumer, StreamId);

/// Every dead letter.
///
/// What is asked of a webhook is done at once: its events are in its inbox again, to be sent in the order of the log before anything
/// newer. What is asked of a view is [noted](DeadLetter::asked_at), and done by a server that keeps views: streams meet in a view, so it is
/// folded anew, beside the live one, and put in its place. Whatever is parked in a view is tried again with it.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Up to `limit` letters after one, by consumer and stream; those of one consumer if that is given.
    async fn list(&self, consumer: Option<&Consumer>, after: Option<After<'_>>, limit: usize) -> Result<Vec<DeadLetter>, PortError>;

    /// The letter of a stream, if it is parked.
    async fn one(&self, consumer: &Consumer, stream: StreamId) -> Result<Option<DeadLetter>, PortError>;

    /// How many streams are parked, of every consumer that has any.
    async fn counts(&self) -> Result<Vec<(Consumer, u64)>, PortError>;

    /// Has a stream tried again, from its dead letter on. Gives whether it was parked.
    async fn retry(&self, consumer: &Consumer, stream: StreamId) -> Result<bool, PortError>;

    /// Gives one event up for good, and has the stream go on behind it. Gives `false`, and does nothing, when the stream is not parked
    /// with the event at this position.
    async fn drop_event(&self, consumer: &Consumer, stream: StreamId, position: Position) -> Result<bool, PortError>;

    /// The views of which something was asked that was not done yet.
    async fn asked(&self) -> Result<Vec<ViewName>, PortError>;
}
