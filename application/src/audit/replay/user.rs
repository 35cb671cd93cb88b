//! A user as they were.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use posthaste_domain::user::{Circle, Profile, ServiceRole, User, UserEvent};
use posthaste_domain::{Aggregate as _, Category, Event, SessionId, ThreadId, UserId};
use serde::Serialize;

use super::{ReplayError, stream};
use crate::audit::as_of::Moment;
use crate::port::EventLog;
use crate::recorded::{Position, StreamId};
use crate::view::{Folds, FriendState, Page, People, Threads, Timeline, View as _};

/// What is read at once of what somebody was owed.
const READ: usize = 4_096;

/// A user as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserAsOf {
    /// Who.
    pub user: UserId,
    /// After this event.
    pub as_of: Position,
    /// At this time.
    pub as_of_time: DateTime<Utc>,
    /// The event they registered with.
    pub registered: Position,
    /// When.
    pub registered_at: DateTime<Utc>,
    /// How others saw them; none when it was erased.
    pub profile: Option<Profile>,
    /// Who saw whether they were online.
    pub presence: Circle,
    /// Who of those saw when they were online last.
    pub last_seen: Circle,
    /// Whether others were told what they had read.
    pub read_receipts: bool,
    /// The logins that were ended.
    pub revoked_sessions: BTreeSet<SessionId>,
    /// What they were to the service.
    pub roles: BTreeSet<ServiceRole>,
    /// Whether they could do nothing.
    pub suspended: bool,
    /// When their account was to end, if they had asked for that.
    pub leaving: Option<DateTime<Utc>>,
    /// Whether logging in took a second factor.
    pub two_factor: bool,
    /// Whether they were erased.
    pub erased: bool,
    /// The threads they were in, in the order of joining.
    pub threads: Vec<MembershipAsOf>,
    /// What others were to them, the latest change first.
    pub friends: Vec<FriendAsOf>,
}

/// A thread somebody was in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MembershipAsOf {
    /// Which.
    pub thread: ThreadId,
    /// The event they joined with.
    pub joined: Position,
}

/// What somebody was to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FriendAsOf {
    /// Who.
    pub user: UserId,
    /// `friend`, `received` (they had asked), `sent` (they had been asked), `blocked` (by the user).
    pub state: &'static str,
    /// The position of the last change.
    pub since: Position,
    /// When that was.
    pub since_at: DateTime<Utc>,
}

/// A user as they were; `None` when they were not registered. Reads everything they were owed until then, to find out whom they had to do with.
///
/// # Errors
/// See [`ReplayError`].
pub async fn user(log: &dyn EventLog, user: UserId, moment: Moment) -> Result<Option<UserAsOf>, ReplayError> {
    let (mut state, mut registration) = (User::default(), None);
    for recorded in stream(log, StreamId { category: Category::User, id: user.uuid() }, moment.position).await? {
        if let Event::User(event) = recorded.event()?.clone() {
            state.apply(&event)?;
            if let UserEvent::Registered { content, .. } = event {
                registration = Some((recorded.position, recorded.at, content.into()));
            }
        }
    }
    let (Some((registered, registered_at, profile)), privacy) = (registration, state.privacy()) else { return Ok(None) };
    let (account, leaving) = (state.account().cloned().unwrap_or_default(), state.leaving());
    let windows = log.memberships(user).await?.windows.into_iter();
    // An event belongs to both sides of it: with the one they left with they were in the thread no more.
    let was_in = windows.filter(|window| window.from <= moment.position && window.until.is_none_or(|until| until > moment.position));
    let threads = was_in.map(|window| MembershipAsOf { thread: window.thread, joined: window.from }).collect();
    Ok(Some(UserAsOf {
        user,
        as_of: moment.position,
        as_of_time: moment.at,
        registered,
        registered_at,
        profile,
        presence: privacy.presence,
        last_seen: privacy.last_seen,
        read_receipts: privacy.read_receipts,
        revoked_sessions: account.revoked,
        roles: account.roles,
        suspended: account.suspended,
        leaving,
        two_factor: account.two_factor,
        erased: account.erased,
        threads,
        friends: friends(log, user, moment.position).await?,
    }))
}

/// What others were to a user. Whom a user had to do with shows in what they were told; what became of it, in the streams of the pairs, for
/// they are not told of a block against them.
async fn friends(log: &dyn EventLog, user: UserId, upto: Position) -> Result<Vec<FriendAsOf>, ReplayError> {
    let (mut after, mut pairs) = (Position::START, BTreeSet::new());
    loop {
        let owed = log.read_for_user(user, after, upto, READ).await?;
        pairs.extend(owed.iter().filter(|event| event.stream.category == Category::Friendship).map(|event| event.stream.id));
        match owed.last() {
            Some(last) if owed.len() == READ => after = last.position,
            Some(_) | None => break,
        }
    }
    let mut events = Vec::new();
    for pair in pairs {
        events.extend(stream(log, StreamId { category: Category::Friendship, id: pair }, upto).await?);
    }
    events.sort_by_key(|event| event.position);
    let mut people = People::default();
    for event in &events {
        people.apply(event)?;
    }
    let folds = Folds { threads: &Threads::default(), timeline: &Timeline::default(), people: &people };
    let all = Page { before: None, limit: usize::MAX };
    let mut friends: Vec<FriendAsOf> = Vec::new();
    for state in FriendState::ALL {
        friends.extend(folds.friends(user, state, all).into_iter().map(|friend| FriendAsOf {
            user: friend.person.user,
            state: name(state),
            since: friend.since,
            since_at: friend.since_at,
        }));
    }
    friends.sort_by_key(|friend| std::cmp::Reverse(friend.since));
    Ok(friends)
}

const fn name(state: FriendState) -> &'static str {
    match state {
        FriendState::Friend => "friend",
        FriendState::Received => "received",
        FriendState::Sent => "sent",
        FriendState::Blocked => "blocked",
    }
}
