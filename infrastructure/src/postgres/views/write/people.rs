//! How users are called, and what they are to each other: a row for each side.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::recorded::Recorded;
use posthaste_application::view::{FriendState, ViewName};
use posthaste_domain::friendship::FriendshipEvent;
use posthaste_domain::user::{ServiceRole, UserEvent};
use posthaste_domain::{Event, UserId, UserPair};
use uuid::Uuid;

use super::super::super::door::{Statement, statement};
use super::super::projection::unreadable;
use super::super::words;
use super::{IdRow, Ids, Moment, PairRow, Pairs, Write, columns};

const PROFILES: Statement = statement!("views_profiles_add");
const PRIVACY: Statement = statement!("views_profiles_privacy");
const STANDING: Statement = statement!("views_profiles_standing");
const ERASE: Statement = statement!("views_profiles_erase");
const REMOVE: Statement = statement!("views_friends_remove");
const ADD: Statement = statement!("views_friends_add");

columns! {
    /// A user who registered.
    ProfileRow as Profiles {
        user: Uuid,
        registered: i64,
        username: Option<String>,
        display_name: Option<String>,
        username_folded: Option<String>,
        display_name_folded: Option<String>,
    }
}
columns! {
    /// What a user lets others know.
    PrivacyRow as Privacies { user: Uuid, presence: &'static str, last_seen: &'static str, read_receipts: bool }
}
columns! {
    /// What a user is to the service, as far as it changed.
    StandingRow as Standings { user: Uuid, suspended: Option<bool>, admin: Option<bool>, auditor: Option<bool>, leaving: Option<bool>, deletion_at: Option<DateTime<Utc>> }
}
columns! {
    /// What the other is to the user.
    FriendRow as Friends { user: Uuid, other: Uuid, state: &'static str, since: i64, since_at: DateTime<Utc> }
}

/// What each is to each at the end of the batch, as far as it changed.
#[derive(Default)]
struct Standing(HashMap<(UserId, UserId), Option<(FriendState, Moment)>>);

impl Standing {
    fn settle(&mut self, pair: UserPair, by: UserId, states: Option<(FriendState, FriendState)>, now: Moment) {
        let Some(other) = pair.other(by) else { return };
        self.0.insert((by, other), states.map(|(mine, _)| (mine, now)));
        self.0.insert((other, by), states.map(|(_, theirs)| (theirs, now)));
    }

    /// The other is not told, so their side stays as it is.
    fn block(&mut self, pair: UserPair, by: UserId, since: Option<Moment>) {
        let Some(other) = pair.other(by) else { return };
        self.0.insert((by, other), since.map(|since| (FriendState::Blocked, since)));
    }

    fn take(&mut self, event: FriendshipEvent, now: Moment) {
        match event {
            FriendshipEvent::Requested { pair, by } => self.settle(pair, by, Some((FriendState::Sent, FriendState::Received)), now),
            FriendshipEvent::Accepted { pair, by } => self.settle(pair, by, Some((FriendState::Friend, FriendState::Friend)), now),
            FriendshipEvent::Declined { pair, by, until: _ }
            | FriendshipEvent::Cancelled { pair, by }
            | FriendshipEvent::Ended { pair, by } => self.settle(pair, by, None, now),
            FriendshipEvent::Blocked { pair, by } => self.block(pair, by, Some(now)),
            FriendshipEvent::Unblocked { pair, by } => self.block(pair, by, None),
        }
    }
}

fn standing_of(standings: &mut HashMap<UserId, StandingRow>, user: UserId) -> &mut StandingRow {
    standings.entry(user).or_insert(StandingRow {
        user: user.uuid(),
        suspended: None,
        admin: None,
        auditor: None,
        leaving: None,
        deletion_at: None,
    })
}

fn set_role(standings: &mut HashMap<UserId, StandingRow>, user: UserId, role: ServiceRole, has: bool) {
    let standing = standing_of(standings, user);
    match role {
        ServiceRole::Admin => standing.admin = Some(has),
        ServiceRole::Auditor => standing.auditor = Some(has),
    }
}

fn leaving(standings: &mut HashMap<UserId, StandingRow>, user: UserId, final_at: Option<DateTime<Utc>>) {
    let standing = standing_of(standings, user);
    (standing.leaving, standing.deletion_at) = (Some(final_at.is_some()), final_at);
}

pub(in super::super) fn writes(events: &[&Recorded]) -> Result<Vec<Write>, PortError> {
    let mut profiles = Vec::new();
    let mut privacy = HashMap::new();
    let mut standings = HashMap::new();
    let mut erased = Vec::new();
    let mut standing = Standing::default();
    for recorded in events.iter().filter(|recorded| ViewName::People.takes(recorded.stream.category)) {
        let now = Moment::of(recorded)?;
        match recorded.event().map_err(unreadable)? {
            Event::User(UserEvent::Registered { user, content }) => {
                let profile = content.known();
                profiles.push(ProfileRow {
                    user: user.uuid(),
                    registered: now.position,
                    username: profile.map(|profile| profile.username.as_str().to_owned()),
                    display_name: profile.map(|profile| profile.display_name.as_str().to_owned()),
                    username_folded: profile.map(|profile| profile.username.folded()),
                    display_name_folded: profile.map(|profile| profile.display_name.folded()),
                });
            }
            Event::User(UserEvent::PrivacySet { user, presence, last_seen, read_receipts }) => {
                let (presence, last_seen) = (words::circle(*presence), words::circle(*last_seen));
                privacy.insert(*user, PrivacyRow { user: user.uuid(), presence, last_seen, read_receipts: *read_receipts });
            }
            Event::Friendship(event) => standing.take(event.clone(), now),
            Event::User(UserEvent::RoleGranted { user, role }) => set_role(&mut standings, *user, *role, true),
            Event::User(UserEvent::RoleWithdrawn { user, role }) => set_role(&mut standings, *user, *role, false),
            Event::User(UserEvent::Suspended { user, reason: _ }) => standing_of(&mut standings, *user).suspended = Some(true),
            Event::User(UserEvent::Reinstated { user }) => standing_of(&mut standings, *user).suspended = Some(false),
            Event::User(UserEvent::DeletionRequested { user, final_at }) => leaving(&mut standings, *user, Some(*final_at)),
            Event::User(UserEvent::DeletionCancelled { user }) => leaving(&mut standings, *user, None),
            Event::User(UserEvent::Erased { user }) => erased.push(IdRow::from(user.uuid())),
            Event::User(
                UserEvent::SessionRevoked { .. }
                | UserEvent::EmailVerified { .. }
                | UserEvent::TwoFactorEnabled { .. }
                | UserEvent::TwoFactorDisabled { .. },
            )
            | Event::Claim(_)
            | Event::Thread(_)
            | Event::Message(_)
            | Event::Subscription(_)
            | Event::Operation(_) => {}
        }
    }
    let nothing = standing.0.iter().filter(|(_, state)| state.is_none());
    let nothing = nothing.map(|((user, other), _)| PairRow::from((user.uuid(), other.uuid())));
    let something = standing.0.iter().filter_map(|((user, other), state)| {
        state.map(|(state, since)| FriendRow {
            user: user.uuid(),
            other: other.uuid(),
            state: words::friend_state(state),
            since: since.position,
            since_at: since.at,
        })
    });
    Ok(vec![
        Write::of::<Profiles, _>(PROFILES, profiles),
        // Only who registered can say, so their row is there by now.
        Write::of::<Privacies, _>(PRIVACY, privacy.into_values()),
        // As above.
        Write::of::<Ids, _>(ERASE, erased),
        // As above.
        Write::of::<Standings, _>(STANDING, standings.into_values()),
        Write::of::<Pairs, _>(REMOVE, nothing),
        Write::of::<Friends, _>(ADD, something),
    ])
}
