//! Threads, who is in them, and what users keep about them.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::recorded::Recorded;
use posthaste_application::view::ViewName;
use posthaste_domain::event::Personal;
use posthaste_domain::message::MessageEvent;
use posthaste_domain::subscription::SubscriptionEvent;
use posthaste_domain::thread::{Appearance, History, Role, ThreadEvent, ThreadKind, Visibility};
use posthaste_domain::{Event, ThreadId, UserId};
use uuid::Uuid;

use super::super::super::door::{Statement, statement};
use super::super::super::rows;
use super::super::projection::unreadable;
use super::super::words;
use super::invites::{InviteRow, Invites};
use super::members::Members;
use super::{IdRow, Ids, Moment, Write, columns, int};

const BEGIN: Statement = statement!("views_threads_begin");
const SETTLE: Statement = statement!("views_threads_settle");
const STIR: Statement = statement!("views_threads_stir");
const FORGET: Statement = statement!("views_threads_forget");
const KEEP: Statement = statement!("views_subscriptions_keep");

columns! {
    /// A thread that began in the batch.
    ThreadRow as Begun {
        thread: Uuid,
        kind: &'static str,
        low_user: Option<Uuid>,
        high_user: Option<Uuid>,
        public: bool,
        history_all: bool,
        revision: i32,
        has_passcode: bool,
        title: Option<String>,
        description: Option<String>,
        avatar: Option<Uuid>,
        title_folded: Option<String>,
        members: i32,
        created: i64,
        activity: i64,
        active_at: DateTime<Utc>,
    }
}
columns! {
    /// The settings of a thread.
    SettingsRow as Settled {
        thread: Uuid,
        public: bool,
        history_all: bool,
        revision: i32,
        has_passcode: bool,
        title: Option<String>,
        description: Option<String>,
        avatar: Option<Uuid>,
        title_folded: Option<String>,
    }
}
columns! {
    /// What goes on in a thread from before the batch.
    StirRow as Stirred { thread: Uuid, activity: Option<i64>, active_at: Option<DateTime<Utc>>, more: i32 }
}
columns! {
    /// What a user keeps about a thread.
    KeptRow as Kept { user: Uuid, thread: Uuid, read: Option<i64>, muted: Option<bool>, archived: Option<bool> }
}

impl SettingsRow {
    fn new(thread: ThreadId, visibility: Visibility, history: History, content: &Personal<Appearance>) -> Self {
        let appearance = content.known();
        Self {
            thread: thread.uuid(),
            public: visibility == Visibility::Public,
            history_all: history == History::All,
            revision: 1,
            has_passcode: false,
            title: appearance.map(|appearance| appearance.title.as_str().to_owned()),
            description: appearance.and_then(|appearance| appearance.description.as_ref()).map(|text| text.as_str().to_owned()),
            avatar: appearance.and_then(|appearance| appearance.avatar).map(Into::into),
            title_folded: appearance.map(|appearance| appearance.title.folded()),
        }
    }
}

impl ThreadRow {
    /// A thread without members.
    fn new(kind: ThreadKind, users: [Option<UserId>; 2], settings: SettingsRow, now: Moment) -> Self {
        let [low_user, high_user] = users.map(|user| user.map(UserId::uuid));
        let SettingsRow { thread, public, history_all, revision, has_passcode, title, description, avatar, title_folded } = settings;
        Self {
            thread,
            kind: words::kind(kind),
            low_user,
            high_user,
            public,
            history_all,
            revision,
            has_passcode,
            title,
            description,
            avatar,
            title_folded,
            members: 0,
            created: now.position,
            activity: now.position,
            active_at: now.at,
        }
    }

    fn settle(&mut self, settings: SettingsRow) {
        let SettingsRow { thread: _, public, history_all, revision, has_passcode, title, description, avatar, title_folded } = settings;
        self.public = public;
        self.history_all = history_all;
        self.revision = revision;
        self.has_passcode = has_passcode;
        self.title = title;
        self.description = description;
        self.avatar = avatar;
        self.title_folded = title_folded;
    }
}

/// A batch, folded.
#[derive(Default)]
struct Batch {
    begun: HashMap<ThreadId, ThreadRow>,
    settled: HashMap<ThreadId, SettingsRow>,
    stirred: HashMap<ThreadId, StirRow>,
    deleted: HashSet<ThreadId>,
    members: Members,
    invites: Invites,
    kept: HashMap<(UserId, ThreadId), KeptRow>,
}

impl Batch {
    fn on_thread(&mut self, event: ThreadEvent, now: Moment) -> Result<(), PortError> {
        match event {
            ThreadEvent::Opened { thread, pair, by: _ } => {
                let settings = SettingsRow::new(thread, Visibility::Private, History::All, &Personal::Erased);
                let row = ThreadRow::new(ThreadKind::Direct, pair.users().map(Some), settings, now);
                self.begun.insert(thread, row);
                self.join(thread, pair.users(), Role::Member, now);
            }
            ThreadEvent::Created { thread, kind, by, members, visibility, history, content } => {
                let settings = SettingsRow::new(thread, visibility, history, &content);
                self.begun.insert(thread, ThreadRow::new(kind.into(), [None, None], settings, now));
                self.join(thread, [by], Role::Owner, now);
                self.join(thread, members, Role::Member, now);
            }
            ThreadEvent::Updated { thread, by: _, revision, visibility, history, passcode, content } => {
                let settings = SettingsRow::new(thread, visibility, history, &content);
                let settings = SettingsRow { revision: int(revision)?, has_passcode: passcode.is_some(), ..settings };
                match self.begun.get_mut(&thread) {
                    Some(begun) => begun.settle(settings),
                    None => drop(self.settled.insert(thread, settings)),
                }
            }
            ThreadEvent::Deleted { thread, by: _ } => drop(self.deleted.insert(thread)),
            ThreadEvent::MembersAdded { thread, by: _, members } => self.join(thread, members, Role::Member, now),
            ThreadEvent::Joined { thread, user, invite } => {
                if let Some(invite) = invite {
                    self.invites.used(invite);
                }
                self.join(thread, [user], Role::Member, now);
            }
            ThreadEvent::Left { thread, user } | ThreadEvent::MemberRemoved { thread, by: _, user } => self.leave(thread, user, now),
            ThreadEvent::RoleChanged { thread, by: _, user, role } => self.members.set_role(thread, user, role),
            ThreadEvent::OwnershipTransferred { thread, by, to } => {
                self.members.set_role(thread, by, Role::Admin);
                self.members.set_role(thread, to, Role::Owner);
            }
            ThreadEvent::Banned { thread, by, user, removed } => {
                if removed {
                    self.leave(thread, user, now);
                }
                self.invites.ban(thread, user, by, now);
            }
            ThreadEvent::Unbanned { thread, by: _, user } => self.invites.unban(thread, user),
            ThreadEvent::Invited { thread, by, invite, user, expires_at } => {
                let row = InviteRow {
                    invite: invite.uuid(),
                    thread: thread.uuid(),
                    by: by.uuid(),
                    user: Some(user.uuid()),
                    expires_at,
                    max_uses: None,
                    uses: 0,
                    created: now.position,
                    created_at: now.at,
                };
                self.invites.make(thread, invite, Some(user), row);
            }
            ThreadEvent::LinkCreated { thread, by, invite, expires_at, max_uses } => {
                let row = InviteRow {
                    invite: invite.uuid(),
                    thread: thread.uuid(),
                    by: by.uuid(),
                    user: None,
                    expires_at,
                    max_uses: max_uses.map(int).transpose()?,
                    uses: 0,
                    created: now.position,
                    created_at: now.at,
                };
                self.invites.make(thread, invite, None, row);
            }
            ThreadEvent::InviteDeclined { invite, .. } | ThreadEvent::InviteRevoked { invite, .. } => self.invites.end(invite),
            ThreadEvent::MessagePinned { .. } | ThreadEvent::MessageUnpinned { .. } | ThreadEvent::MessagesDeleted { .. } => {}
        }
        Ok(())
    }

    fn on_subscription(&mut self, event: SubscriptionEvent) -> Result<(), PortError> {
        match event {
            SubscriptionEvent::Read { thread, user, upto, device: _ } => {
                let upto = rows::number(upto)?;
                let kept = self.kept(user, thread);
                kept.read = kept.read.max(Some(upto));
            }
            SubscriptionEvent::Muted { thread, user } => self.kept(user, thread).muted = Some(true),
            SubscriptionEvent::Unmuted { thread, user } => self.kept(user, thread).muted = Some(false),
            SubscriptionEvent::Archived { thread, user } => self.kept(user, thread).archived = Some(true),
            SubscriptionEvent::Unarchived { thread, user } => self.kept(user, thread).archived = Some(false),
        }
        Ok(())
    }

    fn on_message(&mut self, thread: ThreadId, now: Moment) {
        match self.begun.get_mut(&thread) {
            Some(begun) => (begun.activity, begun.active_at) = (now.position, now.at),
            None => {
                let stir = self.stir(thread);
                (stir.activity, stir.active_at) = (Some(now.position), Some(now.at));
            }
        }
    }

    fn join(&mut self, thread: ThreadId, users: impl IntoIterator<Item = UserId>, role: Role, now: Moment) {
        for user in users {
            self.members.join(thread, user, role, now);
            self.count(thread, 1);
            self.invites.consume(thread, user);
        }
    }

    fn leave(&mut self, thread: ThreadId, user: UserId, now: Moment) {
        self.members.leave(thread, user, now.position);
        self.count(thread, -1);
    }

    fn count(&mut self, thread: ThreadId, more: i32) {
        match self.begun.get_mut(&thread) {
            Some(begun) => begun.members += more,
            None => self.stir(thread).more += more,
        }
    }

    fn stir(&mut self, thread: ThreadId) -> &mut StirRow {
        self.stirred.entry(thread).or_insert_with(|| StirRow { thread: thread.uuid(), activity: None, active_at: None, more: 0 })
    }

    fn kept(&mut self, user: UserId, thread: ThreadId) -> &mut KeptRow {
        let nothing = || KeptRow { user: user.uuid(), thread: thread.uuid(), read: None, muted: None, archived: None };
        self.kept.entry((user, thread)).or_insert_with(nothing)
    }

    /// What was deleted goes last, with everything that was written of it before.
    fn writes(self) -> Vec<Write> {
        let mut writes = vec![
            Write::of::<Begun, _>(BEGIN, self.begun.into_values()),
            Write::of::<Settled, _>(SETTLE, self.settled.into_values()),
            Write::of::<Stirred, _>(STIR, self.stirred.into_values()),
        ];
        writes.extend(self.members.writes());
        writes.extend(self.invites.writes());
        writes.push(Write::of::<Kept, _>(KEEP, self.kept.into_values()));
        writes.push(Write::of::<Ids, _>(FORGET, self.deleted.into_iter().map(|thread| IdRow::from(thread.uuid()))));
        writes
    }
}

pub(in super::super) fn writes(events: &[&Recorded]) -> Result<Vec<Write>, PortError> {
    let mut batch = Batch::default();
    for recorded in events.iter().filter(|recorded| ViewName::Threads.takes(recorded.stream.category)) {
        let now = Moment::of(recorded)?;
        match recorded.event().map_err(unreadable)? {
            Event::Thread(event) => batch.on_thread(event.clone(), now)?,
            Event::Message(MessageEvent::Posted { thread, .. }) => batch.on_message(*thread, now),
            Event::Subscription(event) => batch.on_subscription(*event)?,
            Event::Message(
                MessageEvent::Edited { .. } | MessageEvent::Deleted { .. } | MessageEvent::Reacted { .. } | MessageEvent::Unreacted { .. },
            )
            | Event::User(_)
            | Event::Claim(_)
            | Event::Friendship(_)
            | Event::Operation(_) => {}
        }
    }
    Ok(batch.writes())
}
