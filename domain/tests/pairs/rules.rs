//! What no log may contain at any position, told over the events alone.

use std::collections::{BTreeMap, BTreeSet};

use posthaste_domain::friendship::{DirectPolicy, FriendshipEvent};
use posthaste_domain::message::MessageEvent;
use posthaste_domain::thread::{Role, ThreadEvent};
use posthaste_domain::{Event, MessageId, ThreadId, UserId};

use super::world::{Known, pair};

/// What is known after the events so far.
pub(crate) struct Rules {
    policy: DirectPolicy,
    friends: bool,
    blockers: BTreeSet<UserId>,
    opened: bool,
    roles: BTreeMap<UserId, Role>,
    banned: BTreeSet<UserId>,
    messages: BTreeMap<MessageId, (ThreadId, UserId)>,
    deleted: BTreeSet<MessageId>,
    pinned: BTreeSet<MessageId>,
}

fn must(holds: bool, rule: &str, event: &impl std::fmt::Debug) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{rule}: {event:?}")) }
}

impl Rules {
    pub(crate) fn new(policy: DirectPolicy) -> Self {
        let (roles, messages) = (BTreeMap::new(), BTreeMap::new());
        let (blockers, banned, deleted, pinned) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Self { policy, friends: false, blockers, opened: false, roles, banned, messages, deleted, pinned }
    }

    pub(crate) fn hold(&mut self, event: &Event) -> Result<(), String> {
        match event.into() {
            Known::Friendship(event) => {
                self.friendship(event);
                Ok(())
            }
            Known::Thread(event) => self.thread(event),
            Known::Message(event) => self.message(event),
        }?;
        // It comes down with the next event of the same command.
        let comes_down = matches!(event, Event::Message(MessageEvent::Deleted { .. }));
        must(comes_down || self.pinned.is_disjoint(&self.deleted), "no deleted message is pinned", event)?;
        must(self.roles.keys().all(|user| !self.banned.contains(user)), "no banned user is a member", event)
    }

    fn friendship(&mut self, event: &FriendshipEvent) {
        match event {
            FriendshipEvent::Accepted { .. } => self.friends = true,
            FriendshipEvent::Ended { .. } => self.friends = false,
            FriendshipEvent::Blocked { by, .. } => drop(self.blockers.insert(*by)),
            FriendshipEvent::Unblocked { by, .. } => drop(self.blockers.remove(by)),
            FriendshipEvent::Requested { .. } | FriendshipEvent::Declined { .. } | FriendshipEvent::Cancelled { .. } => {}
        }
    }

    fn may_write_to_each_other(&self) -> bool {
        self.blockers.is_empty() && (self.friends || self.policy == DirectPolicy::Anyone)
    }

    fn is_in(&self, thread: ThreadId, user: UserId) -> bool {
        if thread == ThreadId::direct(pair()) { self.opened && pair().contains(user) } else { self.roles.contains_key(&user) }
    }

    fn leads(&self, user: UserId) -> bool {
        self.roles.get(&user).is_some_and(|role| *role != Role::Member)
    }

    fn thread(&mut self, event: &ThreadEvent) -> Result<(), String> {
        match event {
            ThreadEvent::Opened { .. } => {
                must(self.may_write_to_each_other(), "a direct thread is opened by two who may write to each other", event)?;
                self.opened = true;
            }
            ThreadEvent::Created { by, members, .. } => {
                self.roles.extend(members.iter().map(|user| (*user, Role::Member)));
                self.roles.insert(*by, Role::Owner);
            }
            ThreadEvent::RoleChanged { user, role, .. } => drop(self.roles.insert(*user, *role)),
            ThreadEvent::MembersAdded { by, members, .. } => {
                must(self.leads(*by), "members are added by those who may", event)?;
                for user in members {
                    let between = pair().contains(*by) && pair().contains(*user);
                    must(!between || self.blockers.is_empty(), "nobody is added by whom they blocked", event)?;
                    must(self.roles.insert(*user, Role::Member).is_none(), "nobody is a member twice", event)?;
                }
            }
            ThreadEvent::Joined { user, .. } => must(self.roles.insert(*user, Role::Member).is_none(), "nobody is a member twice", event)?,
            ThreadEvent::Left { user, .. } => must(self.roles.remove(user).is_some(), "only a member leaves", event)?,
            ThreadEvent::MemberRemoved { by, user, .. } => {
                must(self.leads(*by), "members are removed by those who may", event)?;
                must(self.roles.remove(user).is_some(), "only a member is removed", event)?;
            }
            ThreadEvent::Banned { by, user, .. } => {
                must(self.leads(*by), "a ban is by those who may", event)?;
                self.roles.remove(user);
                self.banned.insert(*user);
            }
            ThreadEvent::Unbanned { user, .. } => drop(self.banned.remove(user)),
            ThreadEvent::MessagePinned { thread, by, message } => {
                let posted = self.messages.get(message).is_some_and(|(place, _)| place == thread);
                must(posted && self.is_in(*thread, *by), "a message is pinned where it stands, by a member", event)?;
                self.pinned.insert(*message);
            }
            ThreadEvent::MessageUnpinned { message, .. } => drop(self.pinned.remove(message)),
            ThreadEvent::MessagesDeleted { by, messages, .. } => {
                for message in messages {
                    self.delete(*message, *by, event)?;
                    self.pinned.remove(message);
                }
            }
            ThreadEvent::Updated { .. }
            | ThreadEvent::Deleted { .. }
            | ThreadEvent::OwnershipTransferred { .. }
            | ThreadEvent::Invited { .. }
            | ThreadEvent::LinkCreated { .. }
            | ThreadEvent::InviteDeclined { .. }
            | ThreadEvent::InviteRevoked { .. } => unreachable!("nothing of the kind is asked"),
        }
        Ok(())
    }

    fn message(&mut self, event: &MessageEvent) -> Result<(), String> {
        match event {
            MessageEvent::Posted { message, thread, author, .. } => {
                self.writes(*thread, *author, event)?;
                must(self.messages.insert(*message, (*thread, *author)).is_none(), "a message is posted once", event)
            }
            MessageEvent::Edited { message, thread, author, .. } => {
                self.writes(*thread, *author, event)?;
                must(self.messages.get(message) == Some(&(*thread, *author)), "a message is edited by its author", event)?;
                must(!self.deleted.contains(message), "nothing happens to a deleted message", event)
            }
            MessageEvent::Deleted { message, by, .. } => self.delete(*message, *by, event),
            MessageEvent::Reacted { message, thread, user, .. } | MessageEvent::Unreacted { message, thread, user, .. } => {
                must(self.is_in(*thread, *user), "only members react", event)?;
                must(!self.deleted.contains(message), "nothing happens to a deleted message", event)
            }
        }
    }

    fn writes(&self, thread: ThreadId, author: UserId, event: &MessageEvent) -> Result<(), String> {
        must(self.is_in(thread, author), "only members write", event)?;
        if thread == ThreadId::direct(pair()) {
            must(self.may_write_to_each_other(), "nobody writes to whom they may not", event)
        } else {
            must(self.leads(author), "in a channel owner and admins write", event)
        }
    }

    fn delete(&mut self, message: MessageId, by: UserId, event: &impl std::fmt::Debug) -> Result<(), String> {
        let (thread, author) = *self.messages.get(&message).ok_or("a message that was never posted was deleted")?;
        must(self.is_in(thread, by), "only members delete", event)?;
        must(author == by || (thread != ThreadId::direct(pair()) && self.leads(by)), "deleted by who may not", event)?;
        must(self.deleted.insert(message), "a message is deleted once", event)
    }
}
