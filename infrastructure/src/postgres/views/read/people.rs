//! Who is what to whom, and the directory.

use posthaste_application::port::PortError;
use posthaste_application::view::{Friend, FriendState, Glimpse, Page, Person};
use posthaste_domain::user::Privacy;
use posthaste_domain::{FriendshipId, UserId, UserPair};
use uuid::Uuid;

use super::super::super::connect::Postgres;
use super::super::super::door::{Statement, statement};
use super::super::super::rows;
use super::super::words;
use super::{bounds, pattern, person};

const FRIENDS: Statement = statement!("views_friends");
const DIRECTORY: Statement = statement!("views_directory");
const PRIVACY: Statement = statement!("views_privacy");
const GLIMPSES: Statement = statement!("views_glimpses");

pub(in super::super) async fn friends(postgres: &Postgres, user: UserId, state: FriendState, page: Page) -> Result<Vec<Friend>, PortError> {
    let (before, limit) = bounds(page);
    let rows = postgres.query(FRIENDS, &[&user.uuid(), &words::friend_state(state), &before, &limit]).await?;
    let friend = |row| {
        let person = person(row, "user_id")?;
        let pair = UserPair::new(user, person.user).map_err(|error| PortError::corrupt("view_friends", error))?;
        Ok(Friend {
            friendship: FriendshipId::between(pair),
            person,
            state,
            since: rows::position(row, "since")?,
            since_at: rows::value(row, "since_at")?,
        })
    };
    rows.iter().map(friend).collect()
}

pub(in super::super) async fn directory(postgres: &Postgres, user: UserId, matching: &str, page: Page) -> Result<Vec<Person>, PortError> {
    let Some(pattern) = pattern(matching) else { return Ok(Vec::new()) };
    let (before, limit) = bounds(page);
    let rows = postgres.query(DIRECTORY, &[&user.uuid(), &pattern, &before, &limit]).await?;
    rows.iter().map(|row| person(row, "user_id")).collect()
}

pub(in super::super) async fn privacy(postgres: &Postgres, users: &[UserId]) -> Result<Vec<Privacy>, PortError> {
    let users: Vec<Uuid> = users.iter().map(|user| user.uuid()).collect();
    let rows = postgres.query(PRIVACY, &[&users]).await?;
    let privacy = |row| {
        // Who never registered never said.
        let Some(presence) = rows::value::<Option<String>>(row, "presence")? else { return Ok(Privacy::default()) };
        Ok(Privacy {
            presence: words::parse_circle(&presence)?,
            last_seen: words::parse_circle(&rows::value::<String>(row, "last_seen")?)?,
            read_receipts: rows::value(row, "read_receipts")?,
        })
    };
    rows.iter().map(privacy).collect()
}

pub(in super::super) async fn glimpses(postgres: &Postgres, pairs: &[(UserId, UserId)]) -> Result<Vec<Glimpse>, PortError> {
    let (lookers, others): (Vec<Uuid>, Vec<Uuid>) = pairs.iter().map(|(looker, other)| (looker.uuid(), other.uuid())).unzip();
    let rows = postgres.query(GLIMPSES, &[&lookers, &others]).await?;
    let glimpse = |row| {
        let (presence, last_seen, close) = (rows::value(row, "presence")?, rows::value(row, "last_seen")?, rows::value(row, "close")?);
        Ok(Glimpse { presence, last_seen, close })
    };
    rows.iter().map(glimpse).collect()
}
