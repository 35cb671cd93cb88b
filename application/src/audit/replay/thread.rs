//! A thread as it was.

use chrono::{DateTime, Utc};
use posthaste_domain::thread::{Appearance, History, Role, ThreadEvent, ThreadKind, Visibility};
use posthaste_domain::{Category, Event, InviteId, MessageId, ThreadId, UserId};
use serde::Serialize;

use super::{Act, ReplayError, stream};
use crate::audit::as_of::Moment;
use crate::port::EventLog;
use crate::recorded::{Position, StreamId};
use crate::view::{Folds, MemberPage, Page, People, Threads, Timeline, View as _};

/// Everything there is of a list.
const ALL: Page = Page { before: None, limit: usize::MAX };

/// A thread as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ThreadAsOf {
    /// Which.
    pub thread: ThreadId,
    /// After this event.
    pub as_of: Position,
    /// At this time.
    pub as_of_time: DateTime<Utc>,
    /// What kind of thread it is.
    pub kind: ThreadKind,
    /// Since when, and who began it.
    pub created: Act,
    /// Since when it is no more. What it was like before is told of an earlier position.
    pub deleted: Option<Act>,
    /// How it was set up; nothing of it can be set in a direct thread.
    pub settings: SettingsAsOf,
    /// Who was in it, in the order of joining.
    pub members: Vec<MemberAsOf>,
    /// Who was kept out, the latest first.
    pub bans: Vec<BanAsOf>,
    /// The invitations that could be used then, the latest first.
    pub invites: Vec<InviteAsOf>,
    /// The messages that were pinned, in the order of pinning.
    pub pins: Vec<MessageId>,
}

/// How a thread was set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingsAsOf {
    /// How many times it was set up.
    pub revision: u32,
    /// Who could find it.
    pub visibility: Visibility,
    /// What those saw who joined later.
    pub history: History,
    /// Whether joining took a passcode.
    pub has_passcode: bool,
    /// How it looked; none for a direct thread, and when it was erased.
    pub appearance: Option<Appearance>,
}

/// A member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MemberAsOf {
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: Role,
    /// The event they joined with.
    pub joined: Position,
    /// When.
    pub joined_at: DateTime<Utc>,
}

/// Somebody who was kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BanAsOf {
    /// Who.
    pub user: UserId,
    /// By whom and since when.
    #[serde(flatten)]
    pub act: Act,
}

/// An invitation that could be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct InviteAsOf {
    /// Which.
    pub invite: InviteId,
    /// Who was invited; none for a link.
    pub user: Option<UserId>,
    /// By whom and since when.
    #[serde(flatten)]
    pub act: Act,
    /// Until when.
    pub expires_at: DateTime<Utc>,
    /// By how many; none without a limit.
    pub max_uses: Option<u32>,
    /// How many had used it.
    pub uses: u32,
}

/// What only the events themselves tell.
struct Frame {
    kind: ThreadKind,
    created: Act,
    deleted: Option<Act>,
    settings: SettingsAsOf,
    pins: Vec<MessageId>,
}

/// A thread as it was; `None` when there was none yet.
///
/// # Errors
/// See [`ReplayError`].
pub async fn thread(log: &dyn EventLog, thread: ThreadId, moment: Moment) -> Result<Option<ThreadAsOf>, ReplayError> {
    let (mut threads, mut frame) = (Threads::default(), None);
    for recorded in stream(log, StreamId { category: Category::Thread, id: thread.uuid() }, moment.position).await? {
        threads.apply(&recorded)?;
        let act = |by| Act { by, position: recorded.position, at: recorded.at };
        if let Event::Thread(event) = recorded.event()?.clone() {
            match (&mut frame, event) {
                (frame @ None, event) => *frame = begun(event, act),
                (Some(frame), event) => frame.on(event, act),
            }
        }
    }
    let Some(Frame { kind, created, deleted, settings, pins }) = frame else { return Ok(None) };
    // What this asks needs neither messages nor names.
    let folds = Folds { threads: &threads, timeline: &Timeline::default(), people: &People::default() };
    let members = folds.members(thread, MemberPage { after: None, limit: usize::MAX }).into_iter();
    let bans = folds.bans(thread, ALL).into_iter();
    let invites = folds.invites(thread, moment.at, ALL).into_iter();
    Ok(Some(ThreadAsOf {
        thread,
        as_of: moment.position,
        as_of_time: moment.at,
        kind,
        created,
        deleted,
        settings,
        members: members
            .map(|member| MemberAsOf { user: member.person.user, role: member.role, joined: member.joined, joined_at: member.joined_at })
            .collect(),
        bans: bans.map(|ban| BanAsOf { user: ban.person.user, act: Act { by: ban.by, position: ban.since, at: ban.since_at } }).collect(),
        invites: invites
            .map(|invite| InviteAsOf {
                invite: invite.invite,
                user: invite.person.map(|person| person.user),
                act: Act { by: invite.by, position: invite.created, at: invite.created_at },
                expires_at: invite.expires_at,
                max_uses: invite.max_uses,
                uses: invite.uses,
            })
            .collect(),
        pins,
    }))
}

fn begun(event: ThreadEvent, act: impl Fn(UserId) -> Act) -> Option<Frame> {
    let (kind, by, settings) = match event {
        ThreadEvent::Opened { by, .. } => {
            let settings =
                SettingsAsOf { revision: 1, visibility: Visibility::Private, history: History::All, has_passcode: false, appearance: None };
            (ThreadKind::Direct, by, settings)
        }
        ThreadEvent::Created { kind, by, visibility, history, content, .. } => {
            let settings = SettingsAsOf { revision: 1, visibility, history, has_passcode: false, appearance: content.into() };
            (kind.into(), by, settings)
        }
        ThreadEvent::Updated { .. }
        | ThreadEvent::Deleted { .. }
        | ThreadEvent::MembersAdded { .. }
        | ThreadEvent::Joined { .. }
        | ThreadEvent::Left { .. }
        | ThreadEvent::MemberRemoved { .. }
        | ThreadEvent::RoleChanged { .. }
        | ThreadEvent::OwnershipTransferred { .. }
        | ThreadEvent::Banned { .. }
        | ThreadEvent::Unbanned { .. }
        | ThreadEvent::Invited { .. }
        | ThreadEvent::LinkCreated { .. }
        | ThreadEvent::InviteDeclined { .. }
        | ThreadEvent::InviteRevoked { .. }
        | ThreadEvent::MessagePinned { .. }
        | ThreadEvent::MessageUnpinned { .. }
        | ThreadEvent::MessagesDeleted { .. } => return None,
    };
    Some(Frame { kind, created: act(by), deleted: None, settings, pins: Vec::new() })
}

impl Frame {
    fn on(&mut self, event: ThreadEvent, act: impl Fn(UserId) -> Act) {
        match event {
            ThreadEvent::Updated { revision, visibility, history, passcode, content, .. } => {
                let has_passcode = passcode.is_some();
                self.settings = SettingsAsOf { revision, visibility, history, has_passcode, appearance: content.into() };
            }
            ThreadEvent::Deleted { by, .. } => {
                self.deleted = Some(act(by));
                self.pins.clear();
            }
            ThreadEvent::MessagePinned { message, .. } => self.pins.push(message),
            ThreadEvent::MessageUnpinned { message, .. } => self.pins.retain(|pinned| *pinned != message),
            ThreadEvent::MessagesDeleted { messages, .. } => self.pins.retain(|pinned| !messages.contains(pinned)),
            ThreadEvent::Opened { .. }
            | ThreadEvent::Created { .. }
            | ThreadEvent::MembersAdded { .. }
            | ThreadEvent::Joined { .. }
            | ThreadEvent::Left { .. }
            | ThreadEvent::MemberRemoved { .. }
            | ThreadEvent::RoleChanged { .. }
            | ThreadEvent::OwnershipTransferred { .. }
            | ThreadEvent::Banned { .. }
            | ThreadEvent::Unbanned { .. }
            | ThreadEvent::Invited { .. }
            | ThreadEvent::LinkCreated { .. }
            | ThreadEvent::InviteDeclined { .. }
            | ThreadEvent::InviteRevoked { .. } => {}
        }
    }
}
