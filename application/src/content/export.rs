//! Everything that is known of somebody, for them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use posthaste_domain::message::{MessageContent, MessageEvent};
use posthaste_domain::subscription::SubscriptionEvent;
use posthaste_domain::text::{Email, Emoji, SessionName};
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::{DeviceId, Event, IdentityId, MessageId, Personal, SessionId, ThreadId, UserId};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::audit::as_of::Moment;
use crate::audit::explore::show;
use crate::audit::replay::{self, ReplayError, UserAsOf};
use crate::port::{Accounts, Cursors, EventLog, Identities, Passkeys, PortError, Sessions};
use crate::recorded::{Position, Recorded};

/// Read at once.
const READ: usize = 1_000;

/// Everything that is known of somebody.
#[derive(Clone, Debug, Serialize)]
pub struct Export {
    /// Up to where in the log, and when.
    pub upto: Position,
    /// When.
    pub at: DateTime<Utc>,
    /// Their account: how others see them, what they let others know, the threads they are in, and what others are to them.
    pub account: UserAsOf,
    /// Where they are written to.
    pub email: Option<Email>,
    /// Accounts somewhere else that they log in with.
    pub identities: Vec<IdentityOf>,
    /// Their logins.
    pub sessions: Vec<SessionOf>,
    /// What they log in with instead of a password.
    pub passkeys: Vec<PasskeyOf>,
    /// Their devices.
    pub devices: Vec<DeviceOf>,
    /// What they wrote, the oldest first.
    pub messages: Vec<MessageOf>,
    /// How they reacted, as far as they have not taken it back, the oldest first.
    pub reactions: Vec<ReactionOf>,
    /// How far they have read each thread.
    pub read: BTreeMap<ThreadId, Position>,
    /// Every event that they caused, or that names them.
    pub events: Vec<EventOf>,
}

/// An account somewhere else.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "as in `Identity`")]
pub struct IdentityOf {
    pub identity: IdentityId,
    pub issuer: String,
    pub subject: String,
    pub linked_at: DateTime<Utc>,
}

/// A login.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "as in `Session`")]
pub struct SessionOf {
    pub session: SessionId,
    pub name: Option<String>,
    pub agent: Option<String>,
    pub created_at: DateTime<Utc>,
    pub used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// A passkey.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "as in `Passkey`")]
pub struct PasskeyOf {
    pub passkey: Uuid,
    pub name: Option<SessionName>,
    pub created_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
}

/// A device.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "as in `KnownDevice`")]
pub struct DeviceOf {
    pub device: DeviceId,
    pub cursor: Position,
    pub session: Option<SessionId>,
    pub connected_at: Option<DateTime<Utc>>,
}

/// A message.
#[derive(Clone, Debug, Serialize)]
pub struct MessageOf {
    /// Which.
    pub message: MessageId,
    /// In which thread.
    pub thread: ThreadId,
    /// It was deleted since.
    pub deleted: bool,
    /// Each time it was written, the first time first.
    pub written: Vec<WrittenOf>,
}

/// What a message said.
#[derive(Clone, Debug, Serialize)]
pub struct WrittenOf {
    /// Where in the log.
    pub position: Position,
    /// When.
    pub at: DateTime<Utc>,
    /// What; nothing if it was erased.
    pub content: Option<MessageContent>,
}

/// A reaction.
#[derive(Clone, Debug, Serialize)]
pub struct ReactionOf {
    /// To which message.
    pub message: MessageId,
    /// In which thread.
    pub thread: ThreadId,
    /// With what.
    pub emoji: Emoji,
    /// When.
    pub at: DateTime<Utc>,
}

/// An event.
#[derive(Clone, Debug, Serialize)]
pub struct EventOf {
    /// Where in the log.
    pub position: Position,
    /// When.
    pub at: DateTime<Utc>,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Who caused it; null is the server itself.
    pub actor: Option<UserId>,
    /// The facts, and what is personal under `content`.
    pub body: Value,
}

/// What the stores know of somebody.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The log, opened.
    pub log: &'a dyn EventLog,
    /// Credentials.
    pub accounts: &'a dyn Accounts,
    /// Accounts somewhere else.
    pub identities: &'a dyn Identities,
    /// Logins.
    pub sessions: &'a dyn Sessions,
    /// What they log in with instead of a password.
    pub passkeys: &'a dyn Passkeys,
    /// Devices.
    pub cursors: &'a dyn Cursors,
}

/// Everything that is known of somebody at a time; `None` when they are not registered. Reads the whole log.
///
/// # Errors
/// See [`ReplayError`].
pub async fn export(sources: Sources<'_>, user: UserId, at: DateTime<Utc>) -> Result<Option<Export>, ReplayError> {
    let Sources { log, accounts, identities, sessions, passkeys, cursors } = sources;
    let upto = log.head().await?.position;
    let Some(account) = replay::user(log, user, Moment { position: upto, at }).await? else { return Ok(None) };
    let email = accounts.find(user).await?.map(|credentials| credentials.email);
    let identities = identities.of_user(user).await?.into_iter().map(|identity| IdentityOf {
        identity: identity.id,
        issuer: identity.issuer,
        subject: identity.subject,
        linked_at: identity.linked_at,
    });
    let sessions = sessions.of_user(user).await?.into_iter().map(|session| SessionOf {
        session: session.id,
        name: session.name.map(|name| name.as_str().to_owned()),
        agent: session.agent,
        created_at: session.created_at,
        used_at: session.used_at,
        expires_at: session.expires_at,
    });
    let passkeys = passkeys.of_user(user).await?.into_iter().map(|passkey| PasskeyOf {
        passkey: passkey.id,
        name: passkey.name,
        created_at: passkey.created_at,
        used_at: passkey.used_at,
    });
    let passkeys = passkeys.collect();
    let (identities, sessions, devices) = (identities.collect(), sessions.collect(), devices(cursors, user).await?);
    let mut found = Found::of(user);
    let mut after = Position::START;
    while after < upto {
        let events = log.read(after, READ).await?;
        let Some(last) = events.last() else { break };
        after = last.position;
        for recorded in events.iter().filter(|recorded| recorded.position <= upto) {
            found.take(recorded)?;
        }
    }
    let Found { messages, reactions, read, events, .. } = found;
    let mut messages: Vec<_> = messages.into_values().collect();
    messages.sort_by_key(|message| message.written.first().map(|written| written.position));
    let mut reactions: Vec<_> = reactions.into_values().collect();
    reactions.sort_by_key(|(position, _)| *position);
    let reactions = reactions.into_iter().map(|(_, reaction)| reaction).collect();
    Ok(Some(Export { upto, at, account, email, identities, sessions, passkeys, devices, messages, reactions, read, events }))
}

async fn devices(cursors: &dyn Cursors, user: UserId) -> Result<Vec<DeviceOf>, PortError> {
    let (mut devices, mut after) = (Vec::new(), None);
    loop {
        let more = cursors.devices(Some(user), after, READ).await?;
        after = more.last().map(|known| known.device);
        let whole = more.len() < READ;
        devices.extend(more.into_iter().map(|known| DeviceOf {
            device: known.device.device,
            cursor: known.cursor,
            session: known.session,
            connected_at: known.connected_at,
        }));
        if whole {
            return Ok(devices);
        }
    }
}

/// What the log says of somebody.
struct Found {
    user: UserId,
    messages: BTreeMap<MessageId, MessageOf>,
    reactions: BTreeMap<(MessageId, String), (Position, ReactionOf)>,
    read: BTreeMap<ThreadId, Position>,
    events: Vec<EventOf>,
}

impl Found {
    fn of(user: UserId) -> Self {
        Self { user, messages: BTreeMap::new(), reactions: BTreeMap::new(), read: BTreeMap::new(), events: Vec::new() }
    }

    fn take(&mut self, recorded: &Recorded) -> Result<(), ReplayError> {
        let event = recorded.event()?;
        let names = || event.audience().users.iter().any(|addressee| addressee.user == self.user);
        if recorded.actor == Some(self.user) || names() {
            self.events.push(EventOf {
                position: recorded.position,
                at: recorded.at,
                event_type: recorded.event_type.clone(),
                actor: recorded.actor,
                body: show(recorded)?.body,
            });
        }
        match event {
            Event::Message(event) => self.on_message(event, recorded),
            Event::Thread(ThreadEvent::MessagesDeleted { messages, .. }) => {
                let messages: BTreeSet<_> = messages.iter().collect();
                for (_, message) in self.messages.iter_mut().filter(|(id, _)| messages.contains(id)) {
                    message.deleted = true;
                }
            }
            Event::Subscription(SubscriptionEvent::Read { thread, user, upto, device: _ }) if *user == self.user => {
                self.read.insert(*thread, Position(*upto));
            }
            Event::Subscription(_) | Event::Thread(_) | Event::User(_) | Event::Claim(_) | Event::Friendship(_) | Event::Operation(_) => {}
        }
        Ok(())
    }

    fn on_message(&mut self, event: &MessageEvent, recorded: &Recorded) {
        let written = |content: &Personal<MessageContent>| WrittenOf {
            position: recorded.position,
            at: recorded.at,
            content: content.known().cloned(),
        };
        match event {
            MessageEvent::Posted { message, thread, author, content, .. } if *author == self.user => {
                let posted = MessageOf { message: *message, thread: *thread, deleted: false, written: vec![written(content)] };
                self.messages.insert(*message, posted);
            }
            MessageEvent::Edited { message, content, .. } => {
                if let Some(known) = self.messages.get_mut(message) {
                    known.written.push(written(content));
                }
            }
            MessageEvent::Deleted { message, .. } => {
                if let Some(known) = self.messages.get_mut(message) {
                    known.deleted = true;
                }
            }
            MessageEvent::Reacted { message, thread, user, emoji } if *user == self.user => {
                let reaction = ReactionOf { message: *message, thread: *thread, emoji: emoji.clone(), at: recorded.at };
                self.reactions.insert((*message, emoji.as_str().to_owned()), (recorded.position, reaction));
            }
            MessageEvent::Unreacted { message, thread: _, user, emoji } if *user == self.user => {
                self.reactions.remove(&(*message, emoji.as_str().to_owned()));
            }
            MessageEvent::Posted { .. } | MessageEvent::Reacted { .. } | MessageEvent::Unreacted { .. } => {}
        }
    }
}
