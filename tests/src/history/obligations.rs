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
    /// What it says, if it says anything.
    pub(super) text: Option<String>,
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
    /// Messages that are deleted by the end: what they said need not arrive any more.
    pub(super) deleted: BTreeSet<Uuid>,
    members: HashMap<ThreadId, BTreeSet<UserId>>,
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
    fn recipients(&mut self, event: &'a Recorded) -> Option<BTreeSet<UserId>> {
        let facts: Value = serde_json::from_str(&event.facts).ok()?;
        match event.event_type.as_str() {
            "message.deleted" => self.deleted.extend(id(&facts["message"])),
            "thread.messages_deleted" => self.deleted.extend(facts["messages"].as_array()?.iter().filter_map(id)),
            _ => {}
        }
        match event.event_type.as_str() {
            // For the server alone.
            "claim.taken" | "operation.dead_letter_retried" | "operation.dead_letter_dropped" | "operation.webhook_enabled" => {
                Some(BTreeSet::new())
            }
            "user.registered"
            | "user.privacy_set"
            | "user.session_revoked"
            | "user.email_verified"
            | "user.role_granted"
            | "user.role_withdrawn"
            | "user.suspended"
            | "user.reinstated"
            | "user.two_factor_enabled"
            | "user.two_factor_disabled"
            | "user.deletion_requested"
            | "user.deletion_cancelled"
            | "user.erased" => user(&facts["user"]).map(only),
            "friendship.requested" | "friendship.accepted" | "friendship.declined" | "friendship.cancelled" | "friendship.ended" => {
                pair(&facts)
            }
            // Whoever is blocked is not told.
            "friendship.blocked" | "friendship.unblocked" => user(&facts["by"]).map(only),
            // Nobody's business but their own.
            "subscription.read" | "subscription.muted" | "subscription.unmuted" | "subscription.archived" | "subscription.unarchived" => {
                user(&facts["user"]).map(only)
            }
            // Members from here on, this event included.
            "thread.opened" => self.enter(&facts, pair(&facts)?),
            "thread.created" => {
                let mut members = users(&facts["members"])?;
                members.insert(user(&facts["by"])?);
                self.enter(&facts, members)
            }
            "thread.members_added" => self.enter(&facts, users(&facts["members"])?),
            "thread.joined" => self.enter(&facts, only(user(&facts["user"])?)),
            // Members up to here, this event included.
            "thread.left" | "thread.member_removed" => self.exit(&facts, user(&facts["user"])?),
            "thread.banned" if facts["removed"].as_bool()? => self.exit(&facts, user(&facts["user"])?),
            // The members, and whom it is about.
            "thread.invited" | "thread.invite_declined" => self.members_and(&facts, user(&facts["user"])?),
            // Whoever knows a link can join by it.
            "thread.link_created" => user(&facts["by"]).map(only),
            "thread.invite_revoked" if facts.get("user").is_none() => user(&facts["by"]).map(only),
            "thread.invite_revoked" => self.members_and(&facts, user(&facts["user"])?),
            "thread.banned"
            | "thread.updated"
            | "thread.deleted"
            | "thread.role_changed"
            | "thread.ownership_transferred"
            | "thread.unbanned"
            | "thread.message_pinned"
            | "thread.message_unpinned"
            | "thread.messages_deleted"
            | "message.edited"
            | "message.deleted"
            | "message.reacted"
            | "message.unreacted" => Some(self.members_of(&facts)?.clone()),
            "message.posted" => {
                let (thread, author) = (thread(&facts)?, user(&facts["author"])?);
                event.content()?;
                let posted = Posted { event, message: id(&facts["message"])?, thread, author, text: text(event) };
                self.messages.entry(event.command).or_insert(posted);
                Some(self.members_of(&facts)?.clone())
            }
            _ => None,
        }
    }

    /// Whoever is in the event's thread before it.
    fn members_of(&mut self, facts: &Value) -> Option<&mut BTreeSet<UserId>> {
        Some(self.members.entry(thread(facts)?).or_default())
    }

    /// These are in the thread from now on.
    fn enter(&mut self, facts: &Value, new: BTreeSet<UserId>) -> Option<BTreeSet<UserId>> {
        let members = self.members_of(facts)?;
        members.extend(new);
        Some(members.clone())
    }

    /// This one is in the thread for the last time.
    fn exit(&mut self, facts: &Value, user: UserId) -> Option<BTreeSet<UserId>> {
        let recipients = self.members_and(facts, user)?;
        self.members_of(facts)?.remove(&user);
        Some(recipients)
    }

    fn members_and(&mut self, facts: &Value, user: UserId) -> Option<BTreeSet<UserId>> {
        let mut recipients = self.members_of(facts)?.clone();
        recipients.insert(user);
        Some(recipients)
    }
}

/// The words of an event, if it has some.
pub(super) fn text(event: &Recorded) -> Option<String> {
    let content: Value = serde_json::from_slice(event.content()?).ok()?;
    content["text"].as_str().map(str::to_owned)
}

fn id(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}

fn user(value: &Value) -> Option<UserId> {
    id(value).map(UserId::new)
}

fn thread(facts: &Value) -> Option<ThreadId> {
    id(&facts["thread"]).map(ThreadId::new)
}

fn only(user: UserId) -> BTreeSet<UserId> {
    BTreeSet::from([user])
}

fn users(value: &Value) -> Option<BTreeSet<UserId>> {
    value.as_array()?.iter().map(user).collect()
}

fn pair(facts: &Value) -> Option<BTreeSet<UserId>> {
    users(&facts["pair"]).filter(|pair| pair.len() == 2)
}
