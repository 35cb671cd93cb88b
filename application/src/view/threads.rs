//! A user's threads, newest activity first.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use posthaste_domain::message::MessageEvent;
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::{Event, ThreadId, UserId};

use super::{Page, View, ViewName, timeline};
use crate::codec::Undecodable;
use crate::recorded::{Position, Recorded};

/// A thread in a user's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadSummary {
    /// Which thread.
    pub thread: ThreadId,
    /// Its two members.
    pub members: [UserId; 2],
    /// The position of its last event: the key of the list.
    pub activity: Position,
    /// When that was.
    pub active_at: DateTime<Utc>,
    /// The text of the last message, its author, and its position, if there is one.
    pub last_message: Option<LastMessage>,
}

/// The newest message of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastMessage {
    /// Where it stands.
    pub position: Position,
    /// Who wrote it.
    pub author: UserId,
    /// What it says; `None` when it was erased.
    pub text: Option<String>,
}

/// The fold.
#[derive(Clone, Debug, Default)]
pub struct Threads {
    threads: HashMap<ThreadId, ThreadSummary>,
    /// The threads of each user, by their activity.
    lists: HashMap<UserId, BTreeMap<Position, ThreadId>>,
}

impl Threads {
    /// The threads a user is in, newest activity first; keyed by the position of the activity.
    #[must_use]
    pub fn list(&self, user: UserId, page: Page) -> Vec<ThreadSummary> {
        let Some(list) = self.lists.get(&user) else { return Vec::new() };
        let below = match page.before {
            Some(before) => list.range(..before),
            None => list.range(..),
        };
        below.rev().take(page.limit).filter_map(|(_, thread)| self.threads.get(thread).cloned()).collect()
    }

    /// Something happened in a thread: it moves to the top of its members' lists.
    fn touch(&mut self, thread: ThreadId, recorded: &Recorded, last_message: Option<LastMessage>) {
        let Some(summary) = self.threads.get_mut(&thread) else { return };
        for member in summary.members {
            let list = self.lists.entry(member).or_default();
            list.remove(&summary.activity);
            list.insert(recorded.position, thread);
        }
        summary.activity = recorded.position;
        summary.active_at = recorded.at;
        if last_message.is_some() {
            summary.last_message = last_message;
        }
    }
}

impl View for Threads {
    const NAME: ViewName = ViewName::Threads;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Undecodable> {
        match recorded.event()? {
            Event::Thread(ThreadEvent::Opened { thread, pair, .. }) => {
                let opened = ThreadSummary {
                    thread,
                    members: pair.users(),
                    activity: recorded.position,
                    active_at: recorded.at,
                    last_message: None,
                };
                self.threads.insert(thread, opened);
                self.touch(thread, recorded, None);
            }
            Event::Message(MessageEvent::Posted { thread, author, content, .. }) => {
                let text = timeline::text(&content);
                self.touch(thread, recorded, Some(LastMessage { position: recorded.position, author, text }));
            }
            Event::User(_) | Event::Claim(_) | Event::Friendship(_) => {}
        }
        Ok(())
    }
}
