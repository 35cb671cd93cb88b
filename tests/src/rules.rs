//! The rules of the conversation domain, written a second time: a log is replayed event by event, and whatever was recorded at a position
//! where the rules forbid it is a [`Breach`].
//!
//! Nothing here comes from the aggregates: a mistake in their decisions, or in the checks that a decision rests on, must not hide here. Who
//! may write to whom in a direct thread is as the service has it unless it is told otherwise: friends. What depends on the clock alone
//! (invitations that have expired, cool-downs that are over) is not looked at.

mod accounts;
mod friendships;
mod messages;
mod threads;

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, ensure};
use posthaste_application::recorded::{Position, Recorded};
use posthaste_domain::claim::ClaimEvent;
use posthaste_domain::operation::OperationEvent;
use posthaste_domain::subscription::SubscriptionEvent;
use posthaste_domain::user::{Privacy, ServiceRole, UserEvent};
use posthaste_domain::{ClaimId, Event, MessageId, OperationId, SessionId, ThreadId, UserId, UserPair};

use self::friendships::Between;
use self::messages::Note;
use self::threads::Room;

/// Something that the rules forbid where it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Where.
    pub position: Position,
    /// The type of the event.
    pub event_type: String,
    /// Which rule it breaks.
    pub rule: String,
}

/// Everything in a log that the rules forbid where it stands.
#[must_use]
pub fn breaches(log: &[Recorded]) -> Vec<Breach> {
    let mut world = World::default();
    let judged = log.iter().map(|recorded| (recorded, world.take(recorded)));
    let breach = |(recorded, judged): (&Recorded, anyhow::Result<()>)| {
        let rule = format!("{:#}", judged.err()?);
        Some(Breach { position: recorded.position, event_type: recorded.event_type.clone(), rule })
    };
    judged.filter_map(breach).collect()
}

/// Whether even somebody may do it who is leaving: stay, and end what they were logged in with.
fn is_for_the_leaving(event: &Event) -> bool {
    matches!(event, Event::User(UserEvent::SessionRevoked { .. } | UserEvent::DeletionCancelled { .. }))
}

/// Everything there is, as of a position.
#[derive(Default)]
struct World {
    at: Position,
    users: HashMap<UserId, Privacy>,
    revoked: HashSet<(UserId, SessionId)>,
    verified: HashSet<UserId>,
    roles: HashSet<(UserId, ServiceRole)>,
    suspended: HashSet<UserId>,
    two_factor: HashSet<UserId>,
    /// Who have asked for their account to be deleted.
    leaving: HashSet<UserId>,
    /// Who were erased.
    erased: HashSet<UserId>,
    operations: HashSet<OperationId>,
    claims: HashSet<ClaimId>,
    friendships: HashMap<UserPair, Between>,
    rooms: HashMap<ThreadId, Room>,
    messages: HashMap<MessageId, Note>,
    read: HashMap<(ThreadId, UserId), u64>,
    muted: HashSet<(ThreadId, UserId)>,
    archived: HashSet<(ThreadId, UserId)>,
}

impl World {
    /// Judges an event. It has happened either way, so it is taken in as far as it makes sense.
    fn take(&mut self, recorded: &Recorded) -> anyhow::Result<()> {
        self.at = recorded.position;
        let acts = |user: UserId| {
            ensure!(recorded.actor.is_none_or(|actor| actor == user), "it says that {user} did it, and {:?} asked for it", recorded.actor);
            Ok(())
        };
        let active = match recorded.actor {
            Some(actor) if self.suspended.contains(&actor) => Err(anyhow::anyhow!("{actor} is suspended")),
            Some(actor) if self.leaving.contains(&actor) && !is_for_the_leaving(recorded.event()?) => {
                Err(anyhow::anyhow!("{actor} is leaving"))
            }
            Some(_) | None => Ok(()),
        };
        let judged = match recorded.event()?.clone() {
            Event::User(event) => self.user(event, recorded.actor),
            Event::Claim(ClaimEvent::Taken { claim, .. }) => {
                ensure!(self.claims.insert(claim), "it was taken already");
                Ok(())
            }
            Event::Friendship(event) => self.friendship(&event, acts),
            Event::Thread(event) => self.thread(event, acts),
            Event::Message(event) => self.message(event, acts),
            Event::Subscription(event) => self.subscription(event, acts),
            Event::Operation(
                OperationEvent::DeadLetterRetried { operation, .. }
                | OperationEvent::DeadLetterDropped { operation, .. }
                | OperationEvent::WebhookEnabled { operation, .. },
            ) => {
                self.runs_the_service(recorded.actor)?;
                ensure!(self.operations.insert(operation), "it was performed already");
                Ok(())
            }
        };
        // Also when it breaks no other rule.
        judged.and(active)
    }

    fn subscription(&mut self, event: SubscriptionEvent, acts: impl Fn(UserId) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let (SubscriptionEvent::Read { thread, user, .. }
        | SubscriptionEvent::Muted { thread, user }
        | SubscriptionEvent::Unmuted { thread, user }
        | SubscriptionEvent::Archived { thread, user }
        | SubscriptionEvent::Unarchived { thread, user }) = event;
        acts(user)?;
        let key = (thread, user);
        let changes = match event {
            SubscriptionEvent::Read { upto, .. } => {
                ensure!(upto < self.at.0, "read what was not written yet");
                self.read.insert(key, upto).is_none_or(|before| before < upto)
            }
            SubscriptionEvent::Muted { .. } => self.muted.insert(key),
            SubscriptionEvent::Unmuted { .. } => self.muted.remove(&key),
            SubscriptionEvent::Archived { .. } => self.archived.insert(key),
            SubscriptionEvent::Unarchived { .. } => self.archived.remove(&key),
        };
        ensure!(changes, "it held already");
        self.room(thread)?.rank(user).map(drop)
    }

    /// The thread, if it is there.
    fn room(&mut self, thread: ThreadId) -> anyhow::Result<&mut Room> {
        self.rooms.get_mut(&thread).filter(|room| !room.deleted).context("the thread is not there")
    }

    /// What stands between two.
    fn between(&mut self, one: UserId, other: UserId) -> anyhow::Result<&mut Between> {
        Ok(self.friendships.entry(UserPair::new(one, other)?).or_default())
    }

    /// Refuses whom somebody cannot reach.
    fn reaches(&mut self, by: UserId, user: UserId) -> anyhow::Result<()> {
        ensure!(self.users.contains_key(&user), "{user} is not registered");
        ensure!(self.between(by, user)?.blocks.is_empty(), "one of {by} and {user} has blocked the other");
        Ok(())
    }
}
