//! Who is owed what, by folding the log alone. Written a second time on purpose: a mistake in the server's own rules must not hide here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use posthaste_application::recorded::{Position, Recorded};
use posthaste_domain::{CommandId, ThreadId, UserId};
use serde_json::Value;
use uuid::Uuid;

use super::Violation;

/// A message as the log holds it.
#[derive(Debug)]
pub(super) struct Posted<'a> {
    pub(super) event: &'a Recorded,
    pub(super) message: Uuid,
    pub(super) thread: ThreadId,
    pub(super) author: UserId,
    pub(super) text: String,
}

/// The log, folded.
#[derive(Debug, Default)]
pub(super) struct Obligations<'a> {
    /// Every event.
    pub(super) events: BTreeMap<Position, &'a Recorded>,
    /// What each user's devices must receive.
    pub(super) owed: HashMap<UserId, BTreeSet<Position>>,
    /// Messages by their command, the first of each.
    pub(super) messages: HashMap<CommandId, Posted<'a>>,
    members: HashMap<ThreadId, Vec<UserId>>,
}

impl<'a> Obligations<'a> {
    /// Folds a log; what it cannot make sense of goes to `violations`.
    pub(super) fn of(log: &'a [Recorded], violations: &mut Vec<Violation>) -> Self {
        let mut obligations = Self::default();
        let mut commands = HashMap::new();
        for event in log {
            obligations.events.insert(event.position, event);
            if let Some(first) = commands.insert((event.command, event.ordinal), event.position) {
                violations.push(Violation::RecordedTwice { command: event.command, first, second: event.position });
            }
            match obligations.recipients(event) {
                Some(recipients) => {
                    for user in recipients {
                        obligations.owed.entry(user).or_default().insert(event.position);
                    }
                }
                None => violations.push(Violation::Unknown { position: event.position, event_type: event.event_type.clone() }),
            }
        }
        obligations
    }

    /// The rule, for each type; `None` when there is none or the facts cannot be read.
    fn recipients(&mut self, event: &'a Recorded) -> Option<Vec<UserId>> {
        let facts: Value = serde_json::from_str(&event.facts).ok()?;
        match event.event_type.as_str() {
            // For the server alone.
            "claim.taken" => Some(Vec::new()),
            "user.registered" => Some(vec![user(&facts["user"])?]),
            "friendship.requested" | "friendship.accepted" => pair(&facts),
            // Members from here on, this event included.
            "thread.opened" => {
                let members = pair(&facts)?;
                self.members.insert(ThreadId::new(id(&facts["thread"])?), members.clone());
                Some(members)
            }
            "message.posted" => {
                let (thread, author) = (ThreadId::new(id(&facts["thread"])?), user(&facts["author"])?);
                let content: Value = serde_json::from_slice(event.content.as_deref()?).ok()?;
                let text = content["text"].as_str()?.to_owned();
                let posted = Posted { event, message: id(&facts["message"])?, thread, author, text };
                self.messages.entry(event.command).or_insert(posted);
                Some(self.members.get(&thread).cloned().unwrap_or_default())
            }
            _ => None,
        }
    }
}

fn id(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}

fn user(value: &Value) -> Option<UserId> {
    id(value).map(UserId::new)
}

fn pair(facts: &Value) -> Option<Vec<UserId>> {
    let pair = facts["pair"].as_array()?;
    if pair.len() == 2 { pair.iter().map(user).collect() } else { None }
}
