use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::event::Personal;
use crate::testing::{message, pair};

/// The rules, told a second time and over the events alone: what every log of a group or channel obeys at every position.
#[derive(Default)]
struct Rules {
    members: BTreeMap<UserId, Role>,
    banned: BTreeSet<UserId>,
    invited: BTreeMap<UserId, InviteId>,
    links: BTreeMap<InviteId, Option<u32>>,
    public: bool,
    pins: Vec<MessageId>,
    gone: BTreeSet<MessageId>,
    revision: u32,
    deleted: bool,
}

impl Rules {
    fn rank(&self, user: UserId) -> Role {
        *self.members.get(&user).expect("only members act on a thread")
    }

    fn leads(&self, user: UserId) {
        assert_ne!(self.rank(user), Role::Member, "a member may not");
    }

    fn owns(&self, user: UserId) {
        assert_eq!(self.rank(user), Role::Owner, "only the owner may");
    }

    fn comes(&mut self, user: UserId) {
        assert!(!self.banned.contains(&user), "a banned user is in");
        assert_eq!(self.members.insert(user, Role::Member), None, "twice a member");
        self.invited.remove(&user);
    }

    fn outranked(&self, by: UserId, user: UserId) {
        assert!(self.rank(user) < self.rank(by), "done to an equal or higher one");
    }

    fn hold(&mut self, event: &ThreadEvent) {
        assert!(!self.deleted, "{event:?} after the deletion");
        match event {
            ThreadEvent::Created { by, members, visibility, .. } => {
                members.iter().for_each(|user| self.comes(*user));
                self.comes(*by);
                self.members.insert(*by, Role::Owner);
                (self.public, self.revision) = (*visibility == Visibility::Public, 1);
            }
            ThreadEvent::Updated { by, revision, visibility, .. } => {
                self.leads(*by);
                assert_eq!(*revision, self.revision + 1);
                (self.public, self.revision) = (*visibility == Visibility::Public, *revision);
            }
            ThreadEvent::Deleted { by, .. } => {
                self.owns(*by);
                self.deleted = true;
            }
            ThreadEvent::MembersAdded { by, members, .. } => {
                self.leads(*by);
                assert!(!members.is_empty());
                members.iter().for_each(|user| self.comes(*user));
            }
            ThreadEvent::Joined { user, invite: None, .. } => {
                assert!(self.public, "joined a private thread uninvited");
                self.comes(*user);
            }
            ThreadEvent::Joined { user, invite: Some(invite), .. } => {
                if let Some(uses) = self.links.get_mut(invite) {
                    *uses = uses.map(|left| left.checked_sub(1).expect("a link was used too often"));
                } else {
                    assert_eq!(self.invited.get(user), Some(invite), "joined by what does not invite them");
                }
                self.comes(*user);
            }
            ThreadEvent::Left { user, .. } => {
                assert_ne!(self.rank(*user), Role::Owner, "the owner left");
                self.members.remove(user);
            }
            ThreadEvent::MemberRemoved { by, user, .. } => {
                self.leads(*by);
                self.outranked(*by, *user);
                self.members.remove(user);
            }
            ThreadEvent::RoleChanged { by, user, role, .. } => {
                self.owns(*by);
                self.outranked(*by, *user);
                assert_ne!(*role, Role::Owner);
                self.members.insert(*user, *role);
            }
            ThreadEvent::OwnershipTransferred { by, to, .. } => {
                self.owns(*by);
                self.rank(*to);
                self.members.insert(*by, Role::Admin);
                self.members.insert(*to, Role::Owner);
            }
            ThreadEvent::Banned { by, user, removed, .. } => {
                self.leads(*by);
                assert_eq!(self.members.contains_key(user), *removed);
                assert!(!self.invited.contains_key(user), "banned and invited");
                if *removed {
                    self.outranked(*by, *user);
                    self.members.remove(user);
                }
                assert!(self.banned.insert(*user), "banned twice");
            }
            ThreadEvent::Unbanned { by, user, .. } => {
                self.leads(*by);
                assert!(self.banned.remove(user));
            }
            ThreadEvent::Invited { by, invite, user, .. } => {
                self.rank(*by);
                assert!(!self.members.contains_key(user) && !self.banned.contains(user), "invited who cannot come");
                assert_eq!(self.invited.insert(*user, *invite), None, "two invitations for one person");
            }
            ThreadEvent::LinkCreated { by, invite, max_uses, .. } => {
                self.leads(*by);
                assert_eq!(self.links.insert(*invite, *max_uses), None);
            }
            ThreadEvent::InviteDeclined { invite, user, .. } => assert_eq!(self.invited.remove(user), Some(*invite)),
            ThreadEvent::InviteRevoked { by, invite, user: Some(user), .. } => {
                self.rank(*by);
                assert_eq!(self.invited.remove(user), Some(*invite));
            }
            ThreadEvent::InviteRevoked { by, invite, user: None, .. } => {
                self.leads(*by);
                assert!(self.links.remove(invite).is_some());
            }
            ThreadEvent::MessagePinned { by, message, .. } => {
                self.leads(*by);
                assert!(!self.pins.contains(message) && !self.gone.contains(message));
                self.pins.push(*message);
            }
            ThreadEvent::MessageUnpinned { by, message, .. } => {
                self.rank(*by);
                assert!(self.pins.contains(message));
                self.pins.retain(|pin| pin != message);
            }
            ThreadEvent::MessagesDeleted { by, messages, .. } => {
                self.rank(*by);
                assert!(messages.iter().all(|message| self.gone.insert(*message)), "deleted twice");
                self.pins.retain(|pin| !messages.contains(pin));
            }
            ThreadEvent::Opened { .. } => unreachable!("a group is not opened"),
        }
        assert_eq!(self.members.values().filter(|role| **role == Role::Owner).count(), 1, "exactly one owner");
        assert!(self.members.len() <= 256);
        assert!(self.pins.len() <= 50);
    }

    fn agrees(&self, state: &Thread) {
        for n in 1..=USERS {
            assert_eq!(state.role(user(n)), if self.deleted { None } else { self.members.get(&user(n)).copied() });
        }
        assert!(self.deleted || state.pins() == self.pins);
        assert!(self.deleted || (0..100).all(|n| state.has_deleted(message(n)) == self.gone.contains(&message(n))));
    }
}

const USERS: u128 = 7;

/// What is asked, with who asks, whom it is about, a small number and the minute. As the `turn`th: invitations are named by it.
fn command((kind, by, whom, n, at): (u8, u128, u128, u128, i64), turn: u128) -> ThreadCommand {
    let (expires_at, invite) = (minute(at + 30), invite_id(1_000 + turn));
    let recent = (1_000 + turn).saturating_sub(n % 24);
    match kind {
        0..3 => add(by, [whom, whom % USERS + 1]),
        3..6 => join_with(by, (n % 2 == 0).then_some(recent), (n % 3 == 0).then_some(5), at),
        6 => leave(by),
        7 => remove(by, whom),
        8..10 => change_role(by, whom, if n % 4 == 0 { Role::Member } else { Role::Admin }),
        10 => transfer(by, whom),
        11 => ban(by, whom),
        12 => unban(by, whom),
        13..15 => ThreadCommand::Invite { by: user(by), invite, user: user(whom), at: minute(at), expires_at },
        15 => ThreadCommand::CreateLink { by: user(by), invite, at: minute(at), expires_at, max_uses: Some(2).filter(|_| n % 2 == 0) },
        16 => end_invite(by, recent),
        17..20 => pin(by, n),
        20 => unpin(by, n),
        21 => ThreadCommand::UnpinDeleted { by: user(by), message: message(n) },
        22 => delete_messages(by, [(n, whom), (n + 1, by)]),
        23 => update(by, SettingsChanges { passcode: Some((n % 2 == 0).then(|| passcode(5))), ..SettingsChanges::default() }),
        24 => update(
            by,
            SettingsChanges {
                visibility: Some(if n % 2 == 0 { Visibility::Public } else { Visibility::Private }),
                ..SettingsChanges::default()
            },
        ),
        // Seldom, or nothing much would happen before.
        _ if n == 0 => delete(by),
        _ => leave(by),
    }
}

fn commands(length: usize) -> impl Strategy<Value = Vec<ThreadCommand>> {
    let asked = (0..26_u8, 1..=USERS, 1..=USERS, 0..70_u128, 0..3_i64);
    prop::collection::vec(asked, 0..length).prop_map(|asked| {
        let mut at = 0;
        let later = |((kind, by, whom, n, passes), turn)| {
            at += passes;
            command((kind, by, whom, n, at), turn)
        };
        asked.into_iter().zip(0..).map(later).collect()
    })
}

fn event((kind, by, whom, n): (u8, u128, u128, u128)) -> ThreadEvent {
    let (thread, expires_at) = (if n == 3 { ThreadId::direct(pair(1, 2)) } else { thread() }, minute(9));
    let (by, user, message, invite) = (user(by), user(whom), message(n), invite_id(n));
    match kind {
        0 => ThreadEvent::Opened { thread: ThreadId::direct(pair(1, 2)), pair: pair(1, 2), by },
        1 => ThreadEvent::Created {
            thread,
            kind: SharedKind::Group,
            by,
            members: vec![user],
            visibility: Visibility::Private,
            history: History::All,
            content: Personal::Erased,
        },
        2 => ThreadEvent::Updated {
            thread,
            by,
            revision: u32::try_from(n).unwrap(),
            visibility: Visibility::Private,
            history: History::All,
            passcode: None,
            content: Personal::Erased,
        },
        3 if n == 0 => ThreadEvent::Deleted { thread, by },
        3 | 4 => ThreadEvent::MembersAdded { thread, by, members: vec![user, crate::testing::user(n)] },
        5 => ThreadEvent::Joined { thread, user, invite: (n > 2).then_some(invite) },
        6 => ThreadEvent::Left { thread, user },
        7 => ThreadEvent::MemberRemoved { thread, by, user },
        8 => ThreadEvent::RoleChanged { thread, by, user, role: [Role::Member, Role::Admin, Role::Owner][usize::try_from(n % 3).unwrap()] },
        9 => ThreadEvent::OwnershipTransferred { thread, by, to: user },
        10 => ThreadEvent::Banned { thread, by, user, removed: n % 2 == 0 },
        11 => ThreadEvent::Unbanned { thread, by, user },
        12 => ThreadEvent::Invited { thread, by, invite, user, expires_at },
        13 => ThreadEvent::LinkCreated { thread, by, invite, expires_at, max_uses: Some(2) },
        14 => ThreadEvent::InviteDeclined { thread, invite, user },
        15 => ThreadEvent::InviteRevoked { thread, by, invite, user: (n % 2 == 0).then_some(user) },
        16 => ThreadEvent::MessagePinned { thread, by, message },
        17 => ThreadEvent::MessageUnpinned { thread, by, message },
        _ => ThreadEvent::MessagesDeleted { thread, by, messages: vec![message] },
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_the_log_obeys_the_rules_and_replays(commands in commands(120), channel: bool) {
        let kind = if channel { SharedKind::Channel } else { SharedKind::Group };
        let (mut live, mut rules) = (Live::<Thread>::default(), Rules::default());
        for command in std::iter::once(create(kind, Visibility::Private, [2, 3])).chain(commands) {
            live.ask(command).unwrap_or_default().iter().for_each(|event| rules.hold(event));
            rules.agrees(&live.state);
        }
        live.replays();
    }

    #[test]
    fn an_event_that_does_not_fit_leaves_the_state_alone(events in prop::collection::vec((0..19_u8, 1..5_u128, 1..5_u128, 0..6_u128), 0..60)) {
        let mut live = Live::<Thread>::default();
        events.into_iter().for_each(|asked| live.offer(&event(asked)));
        live.replays();
    }

    #[test]
    fn a_thread_never_has_more_members_than_it_can(joins in prop::collection::vec((any::<bool>(), 1..40_u128, 0..20_u128), 0..40)) {
        let mut live = group().and(link(OWNER, 70, None)).and(add(OWNER, 1_000..1_245));
        for (comes, who, several) in joins {
            let command = if comes { add(OWNER, 100 * who..100 * who + several) } else { join_with(who, Some(70), None, 0) };
            let _ = live.ask(command);
            prop_assert!(live.state.member(user(OWNER)).unwrap().members <= 256);
        }
        live.replays();
    }
}
