//! What can happen in a conversation, said shortly. Users, threads, messages and invitations are numbers.

use posthaste_domain::friendship::FriendshipEvent;
use posthaste_domain::message::{Forwarded, MessageContent, MessageEvent};
use posthaste_domain::subscription::SubscriptionEvent;
use posthaste_domain::text::{Emoji, MessageBody, Title};
use posthaste_domain::thread::{Appearance, History, Role, SharedKind, ThreadEvent, Visibility};
use posthaste_domain::{Event, InviteId, MessageId, PasscodeId, Personal, ThreadId, UserId};
use uuid::Uuid;

use super::{at, pair, user};

pub(crate) fn thread(n: u128) -> ThreadId {
    ThreadId::new(Uuid::from_u128(n))
}

pub(crate) fn message(n: u128) -> MessageId {
    MessageId::new(Uuid::from_u128(n))
}

pub(crate) fn invite(n: u128) -> InviteId {
    InviteId::new(Uuid::from_u128(n))
}

pub(crate) fn emoji(emoji: &str) -> Emoji {
    Emoji::parse(emoji).unwrap()
}

pub(crate) fn appearance(title: &str) -> Appearance {
    Appearance { title: Title::parse(title).unwrap(), description: None, avatar: None }
}

fn users(users: impl IntoIterator<Item = u128>) -> Vec<UserId> {
    users.into_iter().map(user).collect()
}

/// A private group called `Group`.
pub(crate) fn group(n: u128, by: u128, members: impl IntoIterator<Item = u128>, history: History) -> Event {
    let (thread, by, members) = (thread(n), user(by), users(members));
    let content = appearance("Group").into();
    ThreadEvent::Created { thread, kind: SharedKind::Group, by, members, visibility: Visibility::Private, history, content }.into()
}

/// A public channel that shows all of its history.
pub(crate) fn channel(n: u128, by: u128, title: &str) -> Event {
    let (visibility, history) = (Visibility::Public, History::All);
    let content = appearance(title).into();
    ThreadEvent::Created { thread: thread(n), kind: SharedKind::Channel, by: user(by), members: vec![], visibility, history, content }
        .into()
}

pub(crate) fn updated(n: u128, by: u128, revision: u32, visibility: Visibility, history: History, title: Option<&str>) -> Event {
    let passcode = Some(PasscodeId::new(Uuid::from_u128(1)));
    let content = Personal::from(title.map(appearance));
    ThreadEvent::Updated { thread: thread(n), by: user(by), revision, visibility, history, passcode, content }.into()
}

pub(crate) fn thread_deleted(n: u128, by: u128) -> Event {
    ThreadEvent::Deleted { thread: thread(n), by: user(by) }.into()
}

pub(crate) fn added(n: u128, by: u128, members: impl IntoIterator<Item = u128>) -> Event {
    ThreadEvent::MembersAdded { thread: thread(n), by: user(by), members: users(members) }.into()
}

pub(crate) fn came(n: u128, who: u128, by: Option<u128>) -> Event {
    ThreadEvent::Joined { thread: thread(n), user: user(who), invite: by.map(invite) }.into()
}

pub(crate) fn left(n: u128, who: u128) -> Event {
    ThreadEvent::Left { thread: thread(n), user: user(who) }.into()
}

pub(crate) fn removed(n: u128, by: u128, who: u128) -> Event {
    ThreadEvent::MemberRemoved { thread: thread(n), by: user(by), user: user(who) }.into()
}

pub(crate) fn role_changed(n: u128, by: u128, who: u128, role: Role) -> Event {
    ThreadEvent::RoleChanged { thread: thread(n), by: user(by), user: user(who), role }.into()
}

pub(crate) fn transferred(n: u128, by: u128, to: u128) -> Event {
    ThreadEvent::OwnershipTransferred { thread: thread(n), by: user(by), to: user(to) }.into()
}

pub(crate) fn banned(n: u128, by: u128, who: u128, removed: bool) -> Event {
    ThreadEvent::Banned { thread: thread(n), by: user(by), user: user(who), removed }.into()
}

pub(crate) fn unbanned(n: u128, by: u128, who: u128) -> Event {
    ThreadEvent::Unbanned { thread: thread(n), by: user(by), user: user(who) }.into()
}

/// An invitation that can be used before the time of the position `until`.
pub(crate) fn invited(n: u128, by: u128, id: u128, who: u128, until: u64) -> Event {
    ThreadEvent::Invited { thread: thread(n), by: user(by), invite: invite(id), user: user(who), expires_at: at(until) }.into()
}

pub(crate) fn link(n: u128, by: u128, id: u128, until: u64, max_uses: Option<u32>) -> Event {
    ThreadEvent::LinkCreated { thread: thread(n), by: user(by), invite: invite(id), expires_at: at(until), max_uses }.into()
}

pub(crate) fn invite_declined(n: u128, id: u128, who: u128) -> Event {
    ThreadEvent::InviteDeclined { thread: thread(n), invite: invite(id), user: user(who) }.into()
}

pub(crate) fn invite_revoked(n: u128, by: u128, id: u128, who: Option<u128>) -> Event {
    ThreadEvent::InviteRevoked { thread: thread(n), by: user(by), invite: invite(id), user: who.map(user) }.into()
}

pub(crate) fn pinned(n: u128, by: u128, id: u128) -> Event {
    ThreadEvent::MessagePinned { thread: thread(n), by: user(by), message: message(id) }.into()
}

pub(crate) fn unpinned(n: u128, by: u128, id: u128) -> Event {
    ThreadEvent::MessageUnpinned { thread: thread(n), by: user(by), message: message(id) }.into()
}

pub(crate) fn bulk_deleted(n: u128, by: u128, messages: impl IntoIterator<Item = u128>) -> Event {
    ThreadEvent::MessagesDeleted { thread: thread(n), by: user(by), messages: messages.into_iter().map(message).collect() }.into()
}

pub(crate) fn text(text: &str) -> MessageContent {
    MessageContent::Text { text: MessageBody::parse(text).unwrap() }
}

pub(crate) fn said(id: u128, n: u128, by: u128, words: &str) -> Event {
    said_with(id, n, by, text(words), None, &[], None)
}

pub(crate) fn answered(id: u128, n: u128, by: u128, to: u128) -> Event {
    said_with(id, n, by, text("an answer"), Some(to), &[], None)
}

pub(crate) fn said_with(
    id: u128,
    n: u128,
    by: u128,
    content: MessageContent,
    reply_to: Option<u128>,
    mentions: &[u128],
    forwarded: Option<Forwarded>,
) -> Event {
    let (message, reply_to) = (message(id), reply_to.map(message));
    let mentions = users(mentions.iter().copied());
    MessageEvent::Posted { message, thread: thread(n), author: user(by), reply_to, mentions, forwarded, content: content.into() }.into()
}

/// What a message says now; erased when `None`.
pub(crate) fn edited(id: u128, n: u128, by: u128, revision: u32, words: Option<&str>) -> Event {
    let content = Personal::from(words.map(text));
    MessageEvent::Edited { message: message(id), thread: thread(n), author: user(by), revision, mentions: vec![], content }.into()
}

pub(crate) fn deleted(id: u128, n: u128, by: u128) -> Event {
    MessageEvent::Deleted { message: message(id), thread: thread(n), by: user(by) }.into()
}

pub(crate) fn reacted(id: u128, n: u128, who: u128, with: &str) -> Event {
    MessageEvent::Reacted { message: message(id), thread: thread(n), user: user(who), emoji: emoji(with) }.into()
}

pub(crate) fn unreacted(id: u128, n: u128, who: u128, with: &str) -> Event {
    MessageEvent::Unreacted { message: message(id), thread: thread(n), user: user(who), emoji: emoji(with) }.into()
}

pub(crate) fn read(n: u128, who: u128, upto: u64) -> Event {
    SubscriptionEvent::Read { thread: thread(n), user: user(who), upto, device: None }.into()
}

pub(crate) fn muted(n: u128, who: u128) -> Event {
    SubscriptionEvent::Muted { thread: thread(n), user: user(who) }.into()
}

pub(crate) fn unmuted(n: u128, who: u128) -> Event {
    SubscriptionEvent::Unmuted { thread: thread(n), user: user(who) }.into()
}

pub(crate) fn archived(n: u128, who: u128) -> Event {
    SubscriptionEvent::Archived { thread: thread(n), user: user(who) }.into()
}

pub(crate) fn unarchived(n: u128, who: u128) -> Event {
    SubscriptionEvent::Unarchived { thread: thread(n), user: user(who) }.into()
}

pub(crate) fn declined(by: u128, from: u128) -> Event {
    FriendshipEvent::Declined { pair: pair(by, from), by: user(by), until: at(1_000) }.into()
}

pub(crate) fn cancelled(by: u128, to: u128) -> Event {
    FriendshipEvent::Cancelled { pair: pair(by, to), by: user(by) }.into()
}

pub(crate) fn ended(by: u128, with: u128) -> Event {
    FriendshipEvent::Ended { pair: pair(by, with), by: user(by) }.into()
}

pub(crate) fn blocked(by: u128, whom: u128) -> Event {
    FriendshipEvent::Blocked { pair: pair(by, whom), by: user(by) }.into()
}

pub(crate) fn unblocked(by: u128, whom: u128) -> Event {
    FriendshipEvent::Unblocked { pair: pair(by, whom), by: user(by) }.into()
}
