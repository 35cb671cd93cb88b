//! Which events are wanted.

use chrono::{DateTime, Utc};
use posthaste_domain::{Category, ThreadId, UserId};
use serde::{Deserialize, Serialize};

use crate::recorded::{Recorded, StreamId};

/// Which events are wanted: of each kind of question that was asked at all, one of the answers must fit. Asked nothing, everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Of these categories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Category>,
    /// Of these streams.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamId>,
    /// In these threads: what happened to the thread, and what is owed to its members.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<ThreadId>,
    /// By these users.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<UserId>,
    /// Of these types.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Recorded at or after this time. Times may go back in a log, so each event is asked for its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Recorded before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

impl Filter {
    /// Whether it wants this event.
    #[must_use]
    pub fn wants(&self, event: &Recorded) -> bool {
        let Self { categories, streams, threads, actors, types, since, until } = self;
        let in_thread =
            |thread: &ThreadId| event.thread == Some(*thread) || event.stream == StreamId { category: Category::Thread, id: thread.uuid() };
        (categories.is_empty() || categories.contains(&event.stream.category))
            && (streams.is_empty() || streams.contains(&event.stream))
            && (threads.is_empty() || threads.iter().any(in_thread))
            && (actors.is_empty() || event.actor.is_some_and(|actor| actors.contains(&actor)))
            && (types.is_empty() || types.contains(&event.event_type))
            && since.is_none_or(|since| event.at >= since)
            && until.is_none_or(|until| event.at < until)
    }

    /// Whether it wants everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// The one stream that all it wants is in, if there is one: that can be read without the rest of the log.
    #[must_use]
    pub fn only_stream(&self) -> Option<StreamId> {
        match self.streams.as_slice() {
            [stream] => Some(*stream),
            _ => None,
        }
    }
}
