//! How wishes are put before the aggregates, much as the command path does.
#![allow(clippy::wildcard_enum_match_arm, reason = "each function is asked for its own wishes only")]

use chrono::Duration;
use posthaste_domain::claim::ClaimCommand;
use posthaste_domain::friendship::{DirectPermit, DirectPolicy, FriendshipCommand};
use posthaste_domain::message::{Attachment, Attachments, MessageCommand, MessageContent, Posted};
use posthaste_domain::operation::{Act, DeadLetter, DeadLetterOperation, OperationCommand};
use posthaste_domain::subscription::{SubscriptionChange, SubscriptionCommand};
use posthaste_domain::text::{
    ConsumerName, Description, DisplayName, Emoji, FileName, MediaType, MessageBody, StreamName, Title, Username,
};
use posthaste_domain::thread::{
    Admission, Appearance, History as ThreadHistory, PostPermit, Role, SettingsChanges, SharedKind, ThreadCommand, Visibility,
};
use posthaste_domain::user::{Account, AdminPermit, Circle, Privacy, Profile, ServiceRole, SuspensionReason, UserCommand};
use posthaste_domain::{
    Aggregate as _, ClaimId, DeviceId, FileId, FriendshipId, InviteId, MessageId, OperationId, PasscodeId, SessionId, SubscriptionId,
    Thread, ThreadId, UserId, UserPair,
};
use uuid::Uuid;

use super::wish::{What, Wish};
use super::{Decision, History, USERS, at, user};

const EMOJIS: [&str; 3] = ["👍", "❤️", "🎉"];

impl History {
    pub(super) fn decide(&mut self, decision: &mut Decision, wish: &Wish) -> Option<()> {
        match wish.what {
            What::Register => self.register(decision, wish),
            What::SetPrivacy => {
                let circles = [Circle::Everyone, Circle::Friends, Circle::Nobody];
                let (presence, last_seen) = (*choose(&circles, wish.pick)?, *choose(&circles, wish.pick / 3)?);
                self.states.users.get(&user(wish.by).uuid())?;
                let (by, privacy) = (user(wish.by), Privacy { presence, last_seen, read_receipts: wish.yes });
                decision.decide(&mut self.states.users, by, UserCommand::SetPrivacy { user: by, privacy })
            }
            What::Revoke => {
                let (user, session) = (user(wish.by), SessionId::new(Uuid::from_u64_pair(6, wish.pick % 3)));
                decision.decide(&mut self.states.users, user, UserCommand::RevokeSession { user, session })
            }
            What::VerifyEmail => {
                let user = user(wish.by);
                decision.decide(&mut self.states.users, user, UserCommand::VerifyEmail { user })
            }
            What::SecondFactor => {
                let user = self.account(wish.by, |account| account.two_factor != wish.yes)?;
                decision.decide(&mut self.states.users, user, UserCommand::SetTwoFactor { user, enabled: wish.yes })
            }
            What::Grant | What::Suspend | What::Erase => {
                let (user, permit) = (self.account(wish.other, |_| true)?, AdminPermit::of_the_server());
                let role = if wish.yes { ServiceRole::Admin } else { ServiceRole::Auditor };
                let command = match wish.what {
                    What::Grant => UserCommand::GrantRole { permit, user, role },
                    What::Erase => UserCommand::Erase { permit, user },
                    _ => UserCommand::Suspend { permit, user, reason: wish.yes.then_some(SuspensionReason::Spam) },
                };
                decision.decide(&mut self.states.users, user, command)
            }
            What::Withdraw => {
                let user = self.account(wish.other, |account| !account.roles.is_empty())?;
                let roles = &self.states.users.get(&user.uuid())?.0.account()?.roles;
                let (permit, role) = (AdminPermit::of_the_server(), *roles.first()?);
                decision.decide(&mut self.states.users, user, UserCommand::WithdrawRole { permit, user, role })
            }
            What::Reinstate => {
                let (user, permit) = (self.account(wish.other, |account| account.suspended)?, AdminPermit::of_the_server());
                decision.decide(&mut self.states.users, user, UserCommand::Reinstate { permit, user })
            }
            What::RequestDeletion => {
                let user = self.account(wish.by, |account| account.leaving.is_none())?;
                decision.decide(&mut self.states.users, user, UserCommand::RequestDeletion { user, final_at: at(wish.at) })
            }
            What::CancelDeletion => {
                let user = self.account(wish.by, |account| account.leaving.is_some())?;
                decision.decide(&mut self.states.users, user, UserCommand::CancelDeletion { user })
            }
            What::CompleteDeletion => {
                let (user, permit) = (user(wish.other), AdminPermit::of_the_server());
                decision.decide(&mut self.states.users, user, UserCommand::CompleteDeletion { permit, user, at: at(wish.at) })
            }
            What::Operate => {
                let (permit, operation) = (AdminPermit::of_the_server(), OperationId::new(Uuid::from_u64_pair(7, self.commands)));
                let (consumer, stream) = (ConsumerName::parse("view:people").ok()?, StreamName::parse("user-1").ok()?);
                let what = if wish.yes { DeadLetterOperation::Retry } else { DeadLetterOperation::Drop };
                let act = match wish.pick % 3 {
                    0 => Act::EnableWebhook { consumer: ConsumerName::parse("webhook:crm").ok()? },
                    _ => Act::DeadLetter { letter: DeadLetter { consumer, stream, position: 1 }, what },
                };
                decision.decide(&mut self.states.operations, operation, OperationCommand { permit, operation, act })
            }
            What::Request | What::Accept | What::Decline | What::Cancel | What::End | What::Block | What::Unblock => {
                self.befriend(decision, wish)
            }
            What::Open => {
                let permit = self.direct(UserPair::new(user(wish.by), user(wish.other)).ok()?)?;
                let thread = ThreadId::direct(permit.pair());
                let command = ThreadCommand::OpenDirect { permit, by: user(wish.by) };
                decision.decide(&mut self.states.threads, thread, command)?;
                if !self.threads.contains(&thread) {
                    self.threads.push(thread);
                }
                Some(())
            }
            What::Create => self.create(decision, wish),
            What::Update
            | What::DeleteThread
            | What::Add
            | What::Join
            | What::Leave
            | What::Remove
            | What::ChangeRole
            | What::Transfer
            | What::Ban
            | What::Unban
            | What::Invite
            | What::Link
            | What::EndInvite
            | What::DeleteMany => {
                let thread = *choose(&self.threads, wish.pick)?;
                let command = self.on_thread(thread, wish)?;
                decision.decide(&mut self.states.threads, thread, command)?;
                if let What::Invite | What::Link = wish.what {
                    let person = (wish.what == What::Invite).then(|| user(wish.other));
                    self.invites.push((self.invite(), thread, person));
                }
                Some(())
            }
            What::Post | What::Forward => self.post(decision, wish),
            What::Edit | What::DeleteMessage | What::Pin | What::Unpin | What::React | What::Unreact => self.on_message(decision, wish),
            What::Read | What::Mute | What::Archive => {
                let (thread, who) = (*choose(&self.threads, wish.pick)?, user(wish.by));
                let change = match wish.what {
                    What::Read => {
                        let device = wish.yes.then(|| DeviceId::new(Uuid::from_u64_pair(7, wish.pick % 3)));
                        SubscriptionChange::Read { upto: wish.pick / 7 % (self.head().0 + 1), device }
                    }
                    What::Mute => SubscriptionChange::Mute(wish.yes),
                    _ => SubscriptionChange::Archive(wish.yes),
                };
                let command = SubscriptionCommand { thread, user: who, change };
                decision.decide(&mut self.states.subscriptions, SubscriptionId::of(who, thread), command)
            }
        }
    }

    fn register(&mut self, decision: &mut Decision, wish: &Wish) -> Option<()> {
        let by = user(wish.by);
        let username = Username::parse(&format!("User_{}", wish.by)).expect("a username");
        let display_name = DisplayName::parse(&wish.text).ok()?;
        let claim = ClaimId::username(&username);
        if self.states.users.contains_key(&by.uuid()) {
            return None;
        }
        decision.decide(&mut self.states.claims, claim, ClaimCommand::Take { claim, by })?;
        decision.decide(&mut self.states.users, by, UserCommand::Register { user: by, profile: Profile { username, display_name } })
    }

    /// Somebody whose account is like this; the one of this number if theirs is.
    fn account(&self, from: u64, wanted: impl Fn(&Account) -> bool) -> Option<UserId> {
        let account = |user: &UserId| self.states.users.get(&user.uuid())?.0.account();
        (0..USERS).map(|n| user((from + n) % USERS)).find(|user| account(user).is_some_and(&wanted))
    }

    fn befriend(&mut self, decision: &mut Decision, wish: &Wish) -> Option<()> {
        let friendship = |of: u64| {
            let by = user(of / USERS % USERS);
            let pair = UserPair::new(by, user(of % USERS)).ok()?;
            let command = match wish.what {
                What::Request => FriendshipCommand::Request { pair, by, at: at(wish.at) },
                What::Accept => FriendshipCommand::Accept { by },
                What::Decline => FriendshipCommand::Decline { by, until: at(wish.at) },
                What::Cancel => FriendshipCommand::Cancel { by },
                What::End => FriendshipCommand::End { by },
                What::Block => FriendshipCommand::Block { pair, by, until: at(wish.at) },
                _ => FriendshipCommand::Unblock { by },
            };
            Some((FriendshipId::between(pair), command))
        };
        let states = &self.states.friendships;
        let granted = |(id, command): &(FriendshipId, FriendshipCommand)| {
            let state = states.get(&id.uuid()).map(|(state, _)| state.clone()).unwrap_or_default();
            state.decide(*command).is_ok_and(|events| !events.is_empty())
        };
        let wished = wish.by * USERS + wish.other;
        let (id, command) = (wished..wished + USERS * USERS).filter_map(friendship).find(granted)?;
        decision.decide(&mut self.states.friendships, id, command)
    }

    fn direct(&self, pair: UserPair) -> Option<DirectPermit> {
        self.states.friendships.get(&FriendshipId::between(pair).uuid())?.0.direct(pair, DirectPolicy::Friends).ok()
    }

    fn create(&mut self, decision: &mut Decision, wish: &Wish) -> Option<()> {
        let thread = ThreadId::new(Uuid::from_u64_pair(4, self.commands));
        let public = wish.pick.is_multiple_of(2);
        let command = ThreadCommand::Create {
            thread,
            by: user(wish.by),
            kind: if public || wish.yes { SharedKind::Channel } else { SharedKind::Group },
            members: (0..wish.pick / 2 % 4).map(|n| user((wish.other + n) % USERS)).collect(),
            visibility: if public { Visibility::Public } else { Visibility::Private },
            history: if wish.yes { ThreadHistory::Joined } else { ThreadHistory::All },
            appearance: Appearance {
                title: Title::parse(&wish.text).ok()?,
                description: Description::parse(&wish.text).ok().filter(|_| wish.yes),
                avatar: wish.yes.then(|| FileId::new(Uuid::from_u64_pair(5, wish.pick))),
            },
        };
        decision.decide(&mut self.states.threads, thread, command)?;
        self.threads.push(thread);
        Some(())
    }

    /// A member of the thread who has at least this role; the one of the wish if they have.
    fn one_of(&self, thread: ThreadId, role: Role, wish: &Wish) -> Option<UserId> {
        let state = self.state(thread)?;
        (0..USERS).map(|n| user((wish.by + n) % USERS)).find(|user| state.role(*user) >= Some(role))
    }

    fn state(&self, thread: ThreadId) -> Option<&Thread> {
        Some(&self.states.threads.get(&thread.uuid())?.0)
    }

    /// The next invitation's id.
    fn invite(&self) -> InviteId {
        InviteId::new(Uuid::from_u64_pair(6, self.commands))
    }

    fn on_thread(&self, thread: ThreadId, wish: &Wish) -> Option<ThreadCommand> {
        let (who, other) = (user(wish.by), user(wish.other));
        let member = self.one_of(thread, Role::Member, wish);
        let admin = self.one_of(thread, Role::Admin, wish);
        let now = at(wish.at);
        let later = now + Duration::microseconds(i64::try_from(wish.pick % 50).ok()?);
        // An invitation stands for a minute at least, which is longer than all of this takes.
        let before = later - Duration::minutes(1);
        Some(match wish.what {
            What::Update => ThreadCommand::Update { by: admin?, revision: None, changes: self.changes(wish) },
            What::DeleteThread => ThreadCommand::Delete { by: self.one_of(thread, Role::Owner, wish)? },
            What::Add => ThreadCommand::AddMembers { by: admin?, users: vec![other, who] },
            What::Join => {
                let into: Vec<_> = self.invites.iter().filter(|(_, into, _)| *into == thread).map(|(invite, ..)| *invite).collect();
                let invite = choose(&into, wish.pick / 7).copied().filter(|_| wish.yes);
                let passcode = self.state(thread)?.glance(who, invite, now).and_then(|glance| glance.passcode);
                ThreadCommand::Join { user: who, invite, passcode, at: now }
            }
            What::Leave => ThreadCommand::Leave { user: member? },
            What::Remove => ThreadCommand::Remove { by: admin?, user: other },
            What::ChangeRole => {
                let role = if wish.yes { Role::Admin } else { Role::Member };
                ThreadCommand::ChangeRole { by: self.one_of(thread, Role::Owner, wish)?, user: other, role }
            }
            What::Transfer => ThreadCommand::TransferOwnership { by: self.one_of(thread, Role::Owner, wish)?, to: other },
            What::Ban => ThreadCommand::Ban { by: admin?, user: other },
            What::Unban => ThreadCommand::Unban { by: admin?, user: other },
            What::Invite => ThreadCommand::Invite { by: member?, invite: self.invite(), user: other, at: before, expires_at: later },
            What::Link => {
                let max_uses = wish.yes.then_some(1 + u32::try_from(wish.pick % 3).ok()?);
                ThreadCommand::CreateLink { by: admin?, invite: self.invite(), at: before, expires_at: later, max_uses }
            }
            What::EndInvite => {
                let into: Vec<_> = self.invites.iter().filter(|(_, into, _)| *into == thread).collect();
                let (invite, _, person) = choose(&into, wish.pick / 7)?;
                ThreadCommand::EndInvite { by: person.filter(|_| wish.yes).or(admin)?, invite: *invite }
            }
            What::DeleteMany => {
                let standing = self.messages.iter().filter(|(_, into)| *into == thread).filter_map(|(message, _)| self.posted(*message));
                let messages: Vec<_> = standing.map(|posted| (posted.message, posted.author)).collect();
                let from = usize::try_from(wish.pick / 7).ok()? % messages.len().max(1);
                let some = messages.into_iter().skip(from).take(3).collect();
                ThreadCommand::DeleteMessages { by: admin.or(member)?, messages: some }
            }
            _ => return None,
        })
    }

    fn changes(&self, wish: &Wish) -> SettingsChanges {
        let mut changes = SettingsChanges { title: Title::parse(&wish.text).ok(), ..SettingsChanges::default() };
        match wish.pick / 7 % 6 {
            0 => changes.history = Some(if wish.yes { ThreadHistory::All } else { ThreadHistory::Joined }),
            1 => changes.visibility = Some(if wish.yes { Visibility::Public } else { Visibility::Private }),
            2 => changes.passcode = Some(wish.yes.then(|| PasscodeId::new(Uuid::from_u64_pair(7, self.commands)))),
            3 => changes.description = Some(Description::parse(&wish.text).ok().filter(|_| wish.yes)),
            4 => changes.avatar = Some(wish.yes.then(|| FileId::new(Uuid::from_u64_pair(5, wish.pick)))),
            _ => {}
        }
        changes
    }

    /// A message that was deleted in no way.
    fn posted(&self, message: MessageId) -> Option<&Posted> {
        let posted = self.states.messages.get(&message.uuid())?.0.posted().ok()?;
        (!self.state(posted.thread)?.has_deleted(message)).then_some(posted)
    }

    fn permit(&self, thread: ThreadId, author: UserId) -> Option<PostPermit> {
        match self.state(thread)?.admit(author).ok()? {
            Admission::Granted(permit) => Some(permit),
            Admission::BetweenTwo(two) => two.settle(self.direct(two.pair())?).ok(),
        }
    }

    fn post(&mut self, decision: &mut Decision, wish: &Wish) -> Option<()> {
        let thread = *choose(&self.threads, wish.pick)?;
        let author = self.one_of(thread, Role::Member, wish)?;
        let permit = self.permit(thread, author)?;
        let earlier: Vec<_> = self.messages.iter().filter(|(_, into)| *into == thread).map(|(message, _)| *message).collect();
        let reply_to = choose(&earlier, wish.pick / 7).copied().filter(|message| wish.yes && self.posted(*message).is_some());
        let mut forwarded = None;
        let mut content = content(wish)?;
        if wish.what == What::Forward {
            let source = self.posted(choose(&self.messages, wish.pick / 11)?.0)?;
            forwarded = Some(source.origin());
            content = source.content.known()?.clone();
        }
        let message = MessageId::new(Uuid::from_u64_pair(2, self.commands));
        let mentions = if wish.yes { vec![user(wish.other), user(wish.by)] } else { vec![] };
        let command = MessageCommand::Post { message, permit, reply_to, mentions, forwarded, content };
        decision.decide(&mut self.states.messages, message, command)?;
        self.messages.push((message, thread));
        Some(())
    }

    fn on_message(&mut self, decision: &mut Decision, wish: &Wish) -> Option<()> {
        let message = choose(&self.messages, wish.pick)?.0;
        let posted = self.posted(message)?;
        let (thread, author) = (posted.thread, posted.author);
        let member = self.one_of(thread, Role::Member, wish)?;
        let admin = self.one_of(thread, Role::Admin, wish).unwrap_or(member);
        let emoji = Emoji::parse(EMOJIS[usize::try_from(wish.pick / 7 % 3).ok()?]).ok()?;
        let state = self.state(thread)?;
        let command = match wish.what {
            What::Pin => return decision.decide(&mut self.states.threads, thread, ThreadCommand::Pin { by: admin, message }),
            What::Unpin => return decision.decide(&mut self.states.threads, thread, ThreadCommand::Unpin { by: admin, message }),
            What::Edit => {
                let mentions = if wish.yes { vec![user(wish.other)] } else { vec![] };
                MessageCommand::Edit { permit: self.permit(thread, author)?, revision: None, mentions, content: content(wish)? }
            }
            What::DeleteMessage => {
                let by = if wish.yes && state.has_member(author) { author } else { admin };
                let (permit, pinned) = (state.moderate(thread, by).ok()?, state.pins().contains(&message));
                decision.decide(&mut self.states.messages, message, MessageCommand::Delete { permit })?;
                if pinned {
                    decision.decide(&mut self.states.threads, thread, ThreadCommand::UnpinDeleted { by, message })?;
                }
                return Some(());
            }
            What::React => MessageCommand::React { permit: state.react(thread, member).ok()?, emoji },
            _ => MessageCommand::Unreact { permit: state.react(thread, member).ok()?, emoji },
        };
        decision.decide(&mut self.states.messages, message, command)
    }
}

fn content(wish: &Wish) -> Option<MessageContent> {
    let text = MessageBody::parse(&wish.text).ok()?;
    if !wish.pick.is_multiple_of(5) {
        return Some(MessageContent::Text { text });
    }
    let file = Attachment {
        file: FileId::new(Uuid::from_u64_pair(5, wish.pick)),
        name: FileName::parse("a file").ok()?,
        media_type: MediaType::parse("image/png").ok()?,
        bytes: wish.pick,
    };
    let attachments = Attachments::try_from(vec![file]).ok()?;
    Some(MessageContent::Attachments { attachments, text: wish.yes.then_some(text) })
}

fn choose<T>(of: &[T], pick: u64) -> Option<&T> {
    of.get(usize::try_from(pick).ok()? % of.len().max(1))
}
