//! Who is whose friend, or asked to be: one row for each pair.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::recorded::Recorded;
use posthaste_application::view::{Friend, FriendState, Page};
use posthaste_domain::friendship::FriendshipEvent;
use posthaste_domain::user::{Profile, UserEvent};
use posthaste_domain::{Event, FriendshipId, UserId, UserPair};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::super::connect::Postgres;
use super::super::door::{Statement, statement};
use super::super::rows;
use super::bounds;
use super::projection::{Step, unreadable};

const FRIENDS: Statement = statement!("views_friends");
const RECEIVED: Statement = statement!("views_friends_received");
const SENT: Statement = statement!("views_friends_sent");
const APPLY: Statement = statement!("views_friends_apply");

/// How a pair stands.
struct Standing {
    requester: Uuid,
    addressee: Uuid,
    accepted: bool,
    since: i64,
    since_at: DateTime<Utc>,
}

/// How pairs stand, as columns.
#[derive(Default)]
struct Friendships {
    ids: Vec<Uuid>,
    requesters: Vec<Uuid>,
    addressees: Vec<Uuid>,
    accepted: Vec<bool>,
    since: Vec<i64>,
    since_at: Vec<DateTime<Utc>>,
}

impl FromIterator<(Uuid, Standing)> for Friendships {
    fn from_iter<I: IntoIterator<Item = (Uuid, Standing)>>(standings: I) -> Self {
        let mut friendships = Self::default();
        for (id, standing) in standings {
            friendships.ids.push(id);
            friendships.requesters.push(standing.requester);
            friendships.addressees.push(standing.addressee);
            friendships.accepted.push(standing.accepted);
            friendships.since.push(standing.since);
            friendships.since_at.push(standing.since_at);
        }
        friendships
    }
}

/// Profiles, as columns.
#[derive(Default)]
struct Profiles {
    users: Vec<Uuid>,
    usernames: Vec<String>,
    display_names: Vec<String>,
}

impl FromIterator<(Uuid, Profile)> for Profiles {
    fn from_iter<I: IntoIterator<Item = (Uuid, Profile)>>(profiles: I) -> Self {
        let mut columns = Self::default();
        for (user, profile) in profiles {
            columns.users.push(user);
            columns.usernames.push(profile.username.into());
            columns.display_names.push(profile.display_name.into());
        }
        columns
    }
}

pub(super) async fn apply(step: Step<'_>, events: &[Recorded]) -> Result<bool, PortError> {
    let mut standings = HashMap::new();
    let mut profiles = HashMap::new();
    for recorded in events {
        let mut stand = |pair: UserPair, by: UserId, accepted: bool| {
            let other = pair.other(by).ok_or_else(|| {
                PortError::corrupt(format!("events at position {}", recorded.position), "somebody acts in the friendship of two others")
            })?;
            let (requester, addressee) = if accepted { (other, by) } else { (by, other) };
            let standing = Standing {
                requester: requester.uuid(),
                addressee: addressee.uuid(),
                accepted,
                since: rows::number(recorded.position.0)?,
                since_at: recorded.at,
            };
            standings.insert(FriendshipId::between(pair).uuid(), standing);
            Ok::<_, PortError>(())
        };
        match recorded.event().map_err(unreadable)? {
            Event::User(UserEvent::Registered { user, content }) => {
                if let Some(profile) = content.known() {
                    profiles.insert(user.uuid(), profile.clone());
                }
            }
            Event::Friendship(FriendshipEvent::Requested { pair, by }) => stand(pair, by, false)?,
            Event::Friendship(FriendshipEvent::Accepted { pair, by }) => stand(pair, by, true)?,
            Event::Claim(_) | Event::Thread(_) | Event::Message(_) => {}
        }
    }
    let f = &standings.into_iter().collect::<Friendships>();
    let p = &profiles.into_iter().collect::<Profiles>();
    let columns: [&(dyn ToSql + Sync); 9] =
        [&f.ids, &f.requesters, &f.addressees, &f.accepted, &f.since, &f.since_at, &p.users, &p.usernames, &p.display_names];
    step.run(APPLY, &columns).await
}

pub(super) async fn list(postgres: &Postgres, user: UserId, state: FriendState, page: Page) -> Result<Vec<Friend>, PortError> {
    let statement = match state {
        FriendState::Friend => FRIENDS,
        FriendState::Received => RECEIVED,
        FriendState::Sent => SENT,
    };
    let (before, limit) = bounds(page);
    let rows = postgres.query(statement, &[&user.uuid(), &before, &limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(Friend {
                friendship: FriendshipId::new(rows::value(row, "friendship_id")?),
                user: UserId::new(rows::value(row, "user_id")?),
                username: rows::value(row, "username")?,
                display_name: rows::value(row, "display_name")?,
                state,
                since: rows::position(row, "since")?,
                since_at: rows::value(row, "since_at")?,
            })
        })
        .collect()
}
