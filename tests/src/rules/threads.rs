//! What may happen to threads.

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, bail, ensure};
use posthaste_application::recorded::Position;
use posthaste_domain::thread::{History, Role, SharedKind, ThreadEvent, Visibility};
use posthaste_domain::{InviteId, MessageId, ThreadId, UserId, UserPair};

use super::World;

/// The most messages that are pinned at once.
const PINS: usize = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Direct(UserPair),
    Group,
    Channel,
}

/// An invitation that stands.
#[derive(Debug)]
enum Invite {
    Person(UserId),
    Link { uses_left: Option<u32> },
}

/// From where to where somebody was a member.
type Window = (Position, Option<Position>);

/// A thread.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) kind: Kind,
    pub(super) deleted: bool,
    members: HashMap<UserId, Role>,
    windows: HashMap<UserId, Vec<Window>>,
    banned: HashSet<UserId>,
    invites: HashMap<InviteId, Invite>,
    pins: HashSet<MessageId>,
    visibility: Visibility,
    history: History,
    revision: u32,
}

impl Room {
    fn new(kind: Kind, visibility: Visibility, history: History) -> Self {
        Self {
            kind,
            deleted: false,
            members: HashMap::new(),
            windows: HashMap::new(),
            banned: HashSet::new(),
            invites: HashMap::new(),
            pins: HashSet::new(),
            visibility,
            history,
            revision: 1,
        }
    }

    fn limit(&self) -> usize {
        match self.kind {
            Kind::Direct(_) => 2,
            Kind::Group => 256,
            Kind::Channel => 10_000,
        }
    }

    /// What somebody is in it.
    pub(super) fn rank(&self, user: UserId) -> anyhow::Result<Role> {
        self.members.get(&user).copied().with_context(|| format!("{user} is not a member"))
    }

    /// Somebody whose role lets them run the thread.
    fn runs(&self, user: UserId) -> anyhow::Result<Role> {
        let rank = self.rank(user)?;
        ensure!(!matches!(self.kind, Kind::Direct(_)), "nobody runs a direct thread");
        ensure!(rank >= Role::Admin, "{user} is neither owner nor admin");
        Ok(rank)
    }

    fn owned_by(&self, user: UserId) -> anyhow::Result<()> {
        ensure!(self.rank(user)? == Role::Owner, "{user} does not own it");
        Ok(())
    }

    /// Whether a member may delete what others wrote.
    pub(super) fn moderates(&self, user: UserId) -> anyhow::Result<bool> {
        Ok(self.rank(user)? >= Role::Admin && !matches!(self.kind, Kind::Direct(_)))
    }

    /// Whether a member sees what stands at a position.
    pub(super) fn shows(&self, user: UserId, at: Position) -> bool {
        self.history == History::All
            || self.windows.get(&user).into_iter().flatten().any(|(from, until)| *from <= at && until.is_none_or(|until| at <= until))
    }

    fn enters(&mut self, user: UserId, role: Role, at: Position) -> anyhow::Result<()> {
        ensure!(self.members.insert(user, role).is_none(), "{user} was a member already");
        self.windows.entry(user).or_default().push((at, None));
        self.invites.retain(|_, invite| !matches!(invite, Invite::Person(invited) if *invited == user));
        ensure!(!self.banned.contains(&user), "{user} is banned");
        ensure!(self.members.len() <= self.limit(), "{} members are too many", self.members.len());
        Ok(())
    }

    fn exits(&mut self, user: UserId, at: Position) -> anyhow::Result<Role> {
        if let Some((_, until)) = self.windows.entry(user).or_default().last_mut() {
            *until = Some(at);
        }
        self.members.remove(&user).with_context(|| format!("{user} was not a member"))
    }
}

impl World {
    pub(super) fn thread(&mut self, event: ThreadEvent, acts: impl Fn(UserId) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let at = self.at;
        match event {
            ThreadEvent::Opened { thread, pair, by } => {
                let mut room = Room::new(Kind::Direct(pair), Visibility::Private, History::All);
                pair.users().into_iter().try_for_each(|user| room.enters(user, Role::Member, at))?;
                ensure!(self.rooms.insert(thread, room).is_none(), "it was there already");
                acts(by)?;
                ensure!(pair.contains(by), "{by} is not one of the two");
                let between = self.friendships.entry(pair).or_default();
                ensure!(between.friends && between.blocks.is_empty(), "the two are not friends");
            }
            ThreadEvent::Created { thread, kind, by, members, visibility, history, .. } => {
                let kind = match kind {
                    SharedKind::Group => Kind::Group,
                    SharedKind::Channel => Kind::Channel,
                };
                let mut room = Room::new(kind, visibility, history);
                room.enters(by, Role::Owner, at)?;
                members.iter().try_for_each(|user| room.enters(*user, Role::Member, at))?;
                ensure!(self.rooms.insert(thread, room).is_none(), "it was there already");
                acts(by)?;
                members.into_iter().try_for_each(|user| self.reaches(by, user))?;
                ensure!(kind == Kind::Channel || visibility == Visibility::Private, "a group cannot be public");
            }
            ThreadEvent::Deleted { thread, by } => {
                acts(by)?;
                let room = self.room(thread)?;
                room.deleted = true;
                room.owned_by(by)?;
            }
            ThreadEvent::MembersAdded { thread, by, members } => {
                acts(by)?;
                let room = self.room(thread)?;
                room.runs(by)?;
                ensure!(!members.is_empty(), "it adds nobody");
                members.iter().try_for_each(|user| room.enters(*user, Role::Member, at))?;
                members.into_iter().try_for_each(|user| self.reaches(by, user))?;
            }
            ThreadEvent::Joined { thread, user, invite } => {
                acts(user)?;
                let room = self.room(thread)?;
                match invite {
                    None => ensure!(room.visibility == Visibility::Public, "nobody joins a private thread uninvited"),
                    Some(invite) => match room.invites.get_mut(&invite).context("the invitation does not stand")? {
                        Invite::Person(invited) => ensure!(*invited == user, "the invitation is {invited}'s"),
                        Invite::Link { uses_left: None } => {}
                        Invite::Link { uses_left: Some(0) } => bail!("the link is used up"),
                        Invite::Link { uses_left: Some(left) } => *left -= 1,
                    },
                }
                room.enters(user, Role::Member, at)?;
            }
            ThreadEvent::Left { thread, user } => {
                acts(user)?;
                let room = self.room(thread)?;
                ensure!(!matches!(room.kind, Kind::Direct(_)), "nobody leaves a direct thread");
                ensure!(room.exits(user, at)? != Role::Owner, "the owner cannot leave");
            }
            ThreadEvent::MemberRemoved { thread, by, user } => {
                acts(by)?;
                let room = self.room(thread)?;
                let rank = room.runs(by)?;
                ensure!(room.exits(user, at)? < rank, "{user} has no lower rank than {by}");
            }
            ThreadEvent::Banned { thread, by, user, removed } => {
                acts(by)?;
                let room = self.room(thread)?;
                let rank = room.runs(by)?;
                let was = room.exits(user, at).ok();
                ensure!(removed == was.is_some(), "it says removed: {removed}, and {user} was {was:?}");
                ensure!(was.is_none_or(|was| was < rank), "{user} has no lower rank than {by}");
                room.invites.retain(|_, invite| !matches!(invite, Invite::Person(invited) if *invited == user));
                ensure!(room.banned.insert(user), "{user} was banned already");
            }
            ThreadEvent::Unbanned { thread, by, user } => {
                acts(by)?;
                let room = self.room(thread)?;
                room.runs(by)?;
                ensure!(room.banned.remove(&user), "{user} was not banned");
            }
            ThreadEvent::RoleChanged { thread, by, user, role } => {
                acts(by)?;
                let room = self.room(thread)?;
                room.owned_by(by)?;
                ensure!(by != user && role < Role::Owner, "an owner is made by transfer alone");
                ensure!(room.members.insert(user, role).is_some_and(|before| before != role), "{user} was no member, or {role:?} already");
            }
            ThreadEvent::OwnershipTransferred { thread, by, to } => {
                acts(by)?;
                ensure!(!self.leaving.contains(&to), "{to} is leaving");
                let room = self.room(thread)?;
                room.owned_by(by)?;
                room.rank(to)?;
                ensure!(by != to, "it was theirs already");
                room.members.extend([(by, Role::Admin), (to, Role::Owner)]);
            }
            ThreadEvent::Updated { .. }
            | ThreadEvent::Invited { .. }
            | ThreadEvent::LinkCreated { .. }
            | ThreadEvent::InviteDeclined { .. }
            | ThreadEvent::InviteRevoked { .. }
            | ThreadEvent::MessagePinned { .. }
            | ThreadEvent::MessageUnpinned { .. }
            | ThreadEvent::MessagesDeleted { .. } => return self.thread_affairs(event, acts),
        }
        Ok(())
    }

    /// What changes nobody's membership.
    fn thread_affairs(&mut self, event: ThreadEvent, acts: impl Fn(UserId) -> anyhow::Result<()>) -> anyhow::Result<()> {
        match event {
            ThreadEvent::Updated { thread, by, revision, visibility, history, .. } => {
                acts(by)?;
                let room = self.room(thread)?;
                (room.visibility, room.history, room.revision) = (visibility, history, room.revision + 1);
                room.runs(by)?;
                ensure!(room.revision == revision, "the revision is {}", room.revision);
                ensure!(room.kind == Kind::Channel || visibility == Visibility::Private, "a group cannot be public");
            }
            ThreadEvent::Invited { thread, by, invite, user, .. } => {
                acts(by)?;
                let room = self.room(thread)?;
                ensure!(room.invites.insert(invite, Invite::Person(user)).is_none(), "the invitation was there already");
                ensure!(room.kind == Kind::Group || room.runs(by).is_ok(), "{by} may not invite");
                room.rank(by)?;
                ensure!(room.rank(user).is_err(), "{user} is a member");
                ensure!(!room.banned.contains(&user), "{user} is banned");
                self.reaches(by, user)?;
            }
            ThreadEvent::LinkCreated { thread, by, invite, max_uses, .. } => {
                acts(by)?;
                let room = self.room(thread)?;
                let link = Invite::Link { uses_left: max_uses };
                ensure!(room.invites.insert(invite, link).is_none(), "the link was there already");
                room.runs(by)?;
            }
            ThreadEvent::InviteDeclined { thread, invite, user } => {
                acts(user)?;
                let ended = self.room(thread)?.invites.remove(&invite);
                ensure!(matches!(ended, Some(Invite::Person(invited)) if invited == user), "{user} had no such invitation: {ended:?}");
            }
            ThreadEvent::InviteRevoked { thread, by, invite, user } => {
                acts(by)?;
                let room = self.room(thread)?;
                let whose = match room.invites.remove(&invite).context("there was no such invitation")? {
                    Invite::Person(user) => Some(user),
                    Invite::Link { .. } => None,
                };
                ensure!(whose == user, "it says that it was {user:?}'s, and it was {whose:?}'s");
                // Whoever invites somebody anew takes the old one back.
                let renews = user.is_some() && room.kind == Kind::Group && room.rank(by).is_ok();
                ensure!(renews || room.runs(by).is_ok(), "{by} may not revoke it");
            }
            ThreadEvent::MessagePinned { thread, by, message } => {
                acts(by)?;
                self.may_pin(thread, by)?;
                self.sees(by, message)?;
                ensure!(self.messages[&message].thread == thread, "the message is in another thread");
                let room = self.room(thread)?;
                ensure!(room.pins.insert(message), "it was pinned already");
                ensure!(room.pins.len() <= PINS, "{} messages are pinned", room.pins.len());
            }
            ThreadEvent::MessageUnpinned { thread, by, message } => {
                acts(by)?;
                ensure!(self.room(thread)?.pins.remove(&message), "it was not pinned");
                let deleted = self.messages.get(&message).is_some_and(|note| note.deleted);
                // Whoever deletes a message takes it down, whatever their role.
                if deleted { self.room(thread)?.rank(by).map(drop)? } else { self.may_pin(thread, by)? }
            }
            ThreadEvent::MessagesDeleted { thread, by, messages } => {
                acts(by)?;
                ensure!((1..=100).contains(&messages.len()), "{} at once", messages.len());
                for message in messages {
                    self.room(thread)?.pins.remove(&message);
                    self.sees(by, message)?;
                    self.deletes(message, thread, by)?;
                }
            }
            ThreadEvent::Opened { .. }
            | ThreadEvent::Created { .. }
            | ThreadEvent::Deleted { .. }
            | ThreadEvent::MembersAdded { .. }
            | ThreadEvent::Joined { .. }
            | ThreadEvent::Left { .. }
            | ThreadEvent::MemberRemoved { .. }
            | ThreadEvent::Banned { .. }
            | ThreadEvent::Unbanned { .. }
            | ThreadEvent::RoleChanged { .. }
            | ThreadEvent::OwnershipTransferred { .. } => bail!("it is about members"),
        }
        Ok(())
    }

    fn may_pin(&mut self, thread: ThreadId, by: UserId) -> anyhow::Result<()> {
        let room = self.room(thread)?;
        let rank = room.rank(by)?;
        ensure!(matches!(room.kind, Kind::Direct(_)) || rank >= Role::Admin, "{by} is neither owner nor admin");
        Ok(())
    }
}
