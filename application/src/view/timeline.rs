//! The messages of a thread.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use posthaste_domain::message::{MessageContent, MessageEvent};
use posthaste_domain::{Event, MessageId, Personal, ThreadId, UserId};

use super::{Page, View, ViewName};
use crate::codec::Undecodable;
use crate::recorded::{Position, Recorded};

/// A message in its thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// Where it stands: the key of the list.
    pub position: Position,
    /// Which message.
    pub message: MessageId,
    /// In which thread.
    pub thread: ThreadId,
    /// Who wrote it.
    pub author: UserId,
    /// What it says; `None` when it was erased.
    pub text: Option<String>,
    /// When it was recorded.
    pub at: DateTime<Utc>,
}

/// The fold.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// In the order of their positions.
    threads: HashMap<ThreadId, Vec<TimelineEntry>>,
}

impl Timeline {
    /// The messages of a thread, newest first; keyed by their position.
    #[must_use]
    pub fn page(&self, thread: ThreadId, page: Page) -> Vec<TimelineEntry> {
        let entries = self.threads.get(&thread).map_or(&[][..], Vec::as_slice);
        let end = page.before.map_or(entries.len(), |before| entries.partition_point(|entry| entry.position < before));
        entries[..end].iter().rev().take(page.limit).cloned().collect()
    }
}

impl View for Timeline {
    const NAME: ViewName = ViewName::Timeline;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Undecodable> {
        match recorded.event()? {
            Event::Message(MessageEvent::Posted { message, thread, author, content }) => {
                self.threads.entry(thread).or_default().push(TimelineEntry {
                    position: recorded.position,
                    message,
                    thread,
                    author,
                    text: text(&content),
                    at: recorded.at,
                });
            }
            Event::User(_) | Event::Claim(_) | Event::Friendship(_) | Event::Thread(_) => {}
        }
        Ok(())
    }
}

/// What a message says, as the views show it.
#[must_use]
pub fn text(content: &Personal<MessageContent>) -> Option<String> {
    content.known().map(|content| match content {
        MessageContent::Text { text } => text.as_str().to_owned(),
    })
}
