//! What became of a thread between two positions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use posthaste_domain::message::MessageEvent;
use posthaste_domain::thread::{Role, ThreadEvent};
use posthaste_domain::{Event, InviteId, MessageId, ThreadId, UserId};
use serde::Serialize;
use serde_json::{Value, json};

use super::Telling;
use super::as_of::Moment;
use super::filter::Filter;
use super::replay::{self, Act, BanAsOf, InviteAsOf, MemberAsOf, ReplayError, ThreadAsOf};
use crate::port::EventLog;
use crate::recorded::{Position, Recorded};

/// Events that are read at once.
const READ: usize = 4_096;

/// What became of a thread between two positions. Whatever came and went in between leaves no trace here, but of messages everything is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ThreadDiff {
    /// It began in between.
    pub created: Option<Act>,
    /// It was deleted in between.
    pub deleted: Option<Act>,
    /// What of its settings is not as it was.
    pub settings: Vec<SettingChange>,
    /// Who is in it since then; who left and came back as well.
    pub joined: Vec<MemberAsOf>,
    /// Who is not in it any more, or was away.
    pub left: Vec<MemberAsOf>,
    /// Whose role is another.
    pub roles: Vec<RoleChange>,
    /// Who is kept out since then.
    pub banned: Vec<BanAsOf>,
    /// Who is kept out no more.
    pub unbanned: Vec<UserId>,
    /// The invitations that can be used since then.
    pub invited: Vec<InviteAsOf>,
    /// Those that cannot be used any more.
    pub uninvited: Vec<InviteId>,
    /// The messages that are pinned since then.
    pub pinned: Vec<MessageId>,
    /// Those that are not pinned any more.
    pub unpinned: Vec<MessageId>,
    /// The messages that were posted, in their order.
    pub posted: Vec<MessageChange>,
    /// Those that were edited, each once, with its last edit.
    pub edited: Vec<MessageChange>,
    /// Those that were deleted.
    pub deleted_messages: Vec<MessageChange>,
}

/// A setting that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingChange {
    /// Which.
    pub setting: &'static str,
    /// What it was.
    pub before: Value,
    /// What it is.
    pub after: Value,
}

/// A role that is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RoleChange {
    /// Whose.
    pub user: UserId,
    /// What it was.
    pub before: Role,
    /// What it is.
    pub after: Role,
}

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MessageChange {
    /// Which.
    pub message: MessageId,
    /// By whom, where and when.
    #[serde(flatten)]
    pub act: Act,
    /// How many times it was written by then, if it was edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
}

/// What became of a thread after one moment up to another. `None` when there is no such thread even then.
///
/// # Errors
/// See [`ReplayError`].
pub async fn diff(log: &dyn EventLog, thread: ThreadId, from: Moment, to: Moment) -> Result<Option<ThreadDiff>, ReplayError> {
    diff_telling(log, thread, from, to, &|_| {}).await
}

/// The same, and tells how many events were looked at, each time that more were.
///
/// # Errors
/// See [`ReplayError`].
pub async fn diff_telling(
    log: &dyn EventLog,
    thread: ThreadId,
    from: Moment,
    to: Moment,
    looked_at: Telling<'_>,
) -> Result<Option<ThreadDiff>, ReplayError> {
    let Some(after) = replay::thread(log, thread, to).await? else { return Ok(None) };
    let before = replay::thread(log, thread, from).await?;
    let mut diff = compare(before.as_ref(), &after);
    let filter = Filter { threads: vec![thread], ..Filter::default() };
    let mut position = from.position;
    let mut edited = BTreeMap::new();
    while position < to.position {
        let events = log.read(position, READ).await?;
        let Some(last) = events.last() else { break };
        looked_at(last.position.0 - position.0);
        position = last.position;
        for event in events.iter().filter(|event| event.position <= to.position && filter.wants(event)) {
            diff.on(event, &mut edited)?;
        }
    }
    diff.edited = edited.into_values().collect();
    diff.edited.sort_by_key(|change| change.act.position);
    Ok(Some(diff))
}

impl ThreadDiff {
    fn on(&mut self, recorded: &Recorded, edited: &mut BTreeMap<MessageId, MessageChange>) -> Result<(), ReplayError> {
        let change = |message, by, revision| {
            let (position, at): (Position, DateTime<Utc>) = (recorded.position, recorded.at);
            MessageChange { message, act: Act { by, position, at }, revision }
        };
        match recorded.event()?.clone() {
            Event::Message(MessageEvent::Posted { message, author, .. }) => self.posted.push(change(message, author, None)),
            Event::Message(MessageEvent::Edited { message, author, revision, .. }) => {
                edited.insert(message, change(message, author, Some(revision)));
            }
            Event::Message(MessageEvent::Deleted { message, by, .. }) => self.deleted_messages.push(change(message, by, None)),
            Event::Thread(ThreadEvent::MessagesDeleted { by, messages, .. }) => {
                self.deleted_messages.extend(messages.into_iter().map(|message| change(message, by, None)));
            }
            Event::Message(MessageEvent::Reacted { .. } | MessageEvent::Unreacted { .. })
            | Event::Thread(_)
            | Event::User(_)
            | Event::Claim(_)
            | Event::Friendship(_)
            | Event::Subscription(_)
            | Event::Operation(_) => {}
        }
        Ok(())
    }
}

/// What differs between two states; everything is new when there was none before.
fn compare(before: Option<&ThreadAsOf>, after: &ThreadAsOf) -> ThreadDiff {
    let Some(before) = before else {
        return ThreadDiff {
            created: Some(after.created),
            deleted: after.deleted,
            joined: after.members.clone(),
            banned: after.bans.clone(),
            invited: after.invites.clone(),
            pinned: after.pins.clone(),
            ..ThreadDiff::default()
        };
    };
    let sat = |members: &[MemberAsOf], one: &MemberAsOf| {
        members.iter().find(|other| (other.user, other.joined) == (one.user, one.joined)).copied()
    };
    let role = |was: &MemberAsOf| {
        let is = sat(&after.members, was)?;
        (is.role != was.role).then_some(RoleChange { user: was.user, before: was.role, after: is.role })
    };
    ThreadDiff {
        deleted: after.deleted.filter(|_| before.deleted.is_none()),
        settings: settings(before, after),
        joined: new(&after.members, |member| sat(&before.members, member).is_some()),
        left: new(&before.members, |member| sat(&after.members, member).is_some()),
        roles: before.members.iter().filter_map(role).collect(),
        banned: new(&after.bans, |ban| before.bans.contains(ban)),
        unbanned: new(&before.bans, |ban| after.bans.iter().any(|other| other.user == ban.user)).into_iter().map(|ban| ban.user).collect(),
        invited: new(&after.invites, |invite| before.invites.iter().any(|other| other.invite == invite.invite)),
        uninvited: new(&before.invites, |invite| after.invites.iter().any(|other| other.invite == invite.invite))
            .into_iter()
            .map(|invite| invite.invite)
            .collect(),
        pinned: new(&after.pins, |message| before.pins.contains(message)),
        unpinned: new(&before.pins, |message| after.pins.contains(message)),
        ..ThreadDiff::default()
    }
}

/// Those that are not known.
fn new<T: Copy>(all: &[T], known: impl Fn(&T) -> bool) -> Vec<T> {
    all.iter().filter(|one| !known(one)).copied().collect()
}

fn settings(before: &ThreadAsOf, after: &ThreadAsOf) -> Vec<SettingChange> {
    let values = |thread: &ThreadAsOf| {
        let settings = &thread.settings;
        let look = settings.appearance.as_ref();
        [
            ("title", json!(look.map(|look| &look.title))),
            ("description", json!(look.and_then(|look| look.description.as_ref()))),
            ("avatar", json!(look.and_then(|look| look.avatar))),
            ("visibility", json!(settings.visibility)),
            ("history", json!(settings.history)),
            ("has_passcode", json!(settings.has_passcode)),
        ]
    };
    let pairs = values(before).into_iter().zip(values(after));
    let changed = pairs.filter(|((_, before), (_, after))| before != after);
    changed.map(|((setting, before), (_, after))| SettingChange { setting, before, after }).collect()
}
