//! A message as it was, and how far it had come.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use posthaste_domain::message::{Forwarded, Message, MessageContent, MessageEvent, Posted};
use posthaste_domain::text::Emoji;
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::{Aggregate as _, Category, DeviceId, Event, MessageId, ThreadId, UserId};
use serde::Serialize;

use super::{Act, ReplayError, stream};
use crate::audit::as_of::Moment;
use crate::deliver::{Deliveries, Delivery, OnDevice, ReadAt};
use crate::port::{Cursors, EventLog};
use crate::recorded::{Position, StreamId};

/// A message as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageAsOf {
    /// Which.
    pub message: MessageId,
    /// After this event.
    pub as_of: Position,
    /// At this time.
    pub as_of_time: DateTime<Utc>,
    /// In which thread.
    pub thread: ThreadId,
    /// By whom, where and when.
    pub posted: Act,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// Where it comes from, if it was forwarded.
    pub forwarded: Option<Forwarded>,
    /// How many times it was written.
    pub revision: u32,
    /// When it was written last, if more than once.
    pub edited: Option<Act>,
    /// By whom and when it was deleted.
    pub deleted: Option<Act>,
    /// What it said; none when it was deleted or erased.
    pub content: Option<MessageContent>,
    /// Who was mentioned.
    pub mentions: Vec<UserId>,
    /// Who had reacted with what.
    pub reactions: Vec<ReactionAsOf>,
    /// How far it had come, for everybody it was owed to, in the order of their ids.
    pub deliveries: Vec<DeliveryAsOf>,
}

/// Who had reacted with an emoji.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReactionAsOf {
    /// With what.
    pub emoji: Emoji,
    /// Who.
    pub users: BTreeSet<UserId>,
}

/// How far a message had come on its way to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryAsOf {
    /// To whom.
    pub user: UserId,
    /// `pending`, `sent`, `delivered` or `read`.
    pub status: &'static str,
    /// When it was first handed to a device's socket.
    pub sent: Option<DateTime<Utc>>,
    /// When a device first had stored it.
    pub delivered: Option<DateTime<Utc>>,
    /// Which.
    pub device: Option<DeviceId>,
    /// When they had read it.
    pub read: Option<DateTime<Utc>>,
}

/// A message as it was; `None` when it was not posted yet.
///
/// # Errors
/// See [`ReplayError`].
pub async fn message(
    log: &dyn EventLog,
    cursors: &dyn Cursors,
    message: MessageId,
    moment: Moment,
) -> Result<Option<MessageAsOf>, ReplayError> {
    let mut state = Message::default();
    let mut found: Option<MessageAsOf> = None;
    for recorded in stream(log, StreamId { category: Category::Message, id: message.uuid() }, moment.position).await? {
        let Event::Message(event) = recorded.event()?.clone() else { continue };
        state.apply(&event)?;
        let act = |by| Act { by, position: recorded.position, at: recorded.at };
        match (event, &mut found) {
            (MessageEvent::Posted { thread, author, reply_to, forwarded, .. }, _) => {
                found = Some(MessageAsOf {
                    message,
                    as_of: moment.position,
                    as_of_time: moment.at,
                    thread,
                    posted: act(author),
                    reply_to,
                    forwarded,
                    revision: 1,
                    edited: None,
                    deleted: None,
                    content: None,
                    mentions: Vec::new(),
                    reactions: Vec::new(),
                    deliveries: Vec::new(),
                });
            }
            (MessageEvent::Edited { author, revision, .. }, Some(found)) => {
                found.revision = revision;
                found.edited = Some(act(author));
            }
            (MessageEvent::Deleted { by, .. }, Some(found)) => found.deleted = Some(act(by)),
            (MessageEvent::Reacted { .. } | MessageEvent::Unreacted { .. }, _)
            | (MessageEvent::Edited { .. } | MessageEvent::Deleted { .. }, None) => {}
        }
    }
    let Some(mut found) = found else { return Ok(None) };
    if found.deleted.is_none() {
        found.deleted = deleted_with_others(log, message, found.thread, moment.position).await?;
    }
    if let (Message::Posted(Posted { mentions, content, reactions, .. }), None) = (state, found.deleted) {
        found.mentions = mentions;
        found.content = content.into();
        found.reactions = reactions.into_iter().map(|(emoji, users)| ReactionAsOf { emoji, users: users.into_iter().collect() }).collect();
        found.reactions.sort_by(|one, other| one.emoji.as_str().cmp(other.emoji.as_str()));
    }
    let all = Deliveries { except: Some(found.posted.by), stage: None, after: None, limit: usize::MAX - 1 };
    let deliveries = all.of(log, cursors, None, found.posted.position).await?;
    found.deliveries = deliveries.into_iter().map(|delivery| as_of(delivery, moment.at)).collect();
    Ok(Some(found))
}

/// The deletion of several messages that this one was among: it is an event of the thread.
async fn deleted_with_others(log: &dyn EventLog, message: MessageId, thread: ThreadId, upto: Position) -> Result<Option<Act>, ReplayError> {
    for recorded in log.deletions(&[thread.uuid()]).await? {
        if recorded.position <= upto
            && let Event::Thread(ThreadEvent::MessagesDeleted { by, messages, .. }) = recorded.event()?.clone()
            && messages.contains(&message)
        {
            return Ok(Some(Act { by, position: recorded.position, at: recorded.at }));
        }
    }
    Ok(None)
}

/// What of a delivery had happened by a time. Each step of it keeps the time at which it first happened, so those that came later are left
/// out, and nothing else is needed.
fn as_of(delivery: Delivery, at: DateTime<Utc>) -> DeliveryAsOf {
    let by_then = |step: &OnDevice| step.at <= at;
    let delivery = Delivery {
        sent: delivery.sent.filter(by_then),
        delivered: delivery.delivered.filter(by_then),
        read: delivery.read.filter(|read: &ReadAt| read.at <= at),
        ..delivery
    };
    DeliveryAsOf {
        user: delivery.user,
        status: delivery.stage().as_str(),
        sent: delivery.sent.map(|sent| sent.at),
        delivered: delivery.delivered.map(|delivered| delivered.at),
        device: delivery.delivered.map(|delivered| delivered.device),
        read: delivery.read.map(|read| read.at),
    }
}
