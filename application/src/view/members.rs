//! Who is and was in a thread.

use std::collections::HashMap;

use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::{Event, ThreadId, UserId};

use super::{View, ViewName};
use crate::codec::Undecodable;
use crate::recorded::{Position, Recorded};

/// A membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Of which thread.
    pub thread: ThreadId,
    /// Whose.
    pub user: UserId,
    /// The event they joined with.
    pub joined: Position,
    /// The event they left with; `None` while they are a member.
    pub left: Option<Position>,
}

/// The fold.
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// Memberships in the order of joining; those who joined with one event in the order of their ids.
    threads: HashMap<ThreadId, Vec<Member>>,
}

impl Members {
    /// The memberships of a thread that have not ended, in the order of joining.
    #[must_use]
    pub fn list(&self, thread: ThreadId) -> Vec<Member> {
        self.current(thread).cloned().collect()
    }

    /// The membership of one user that has not ended.
    #[must_use]
    pub fn member(&self, thread: ThreadId, user: UserId) -> Option<Member> {
        self.current(thread).find(|member| member.user == user).cloned()
    }

    fn current(&self, thread: ThreadId) -> impl Iterator<Item = &Member> {
        self.threads.get(&thread).into_iter().flatten().filter(|member| member.left.is_none())
    }
}

impl View for Members {
    const NAME: ViewName = ViewName::Members;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Undecodable> {
        match recorded.event()? {
            Event::Thread(ThreadEvent::Opened { thread, pair, .. }) => {
                let joined = pair.users().map(|user| Member { thread, user, joined: recorded.position, left: None });
                self.threads.insert(thread, joined.into());
            }
            Event::User(_) | Event::Claim(_) | Event::Friendship(_) | Event::Message(_) => {}
        }
        Ok(())
    }
}
