//! Who is what to whom, and the directory.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::view::{Account, AccountFilter, Census, Deletion, Friend, FriendState, Glimpse, Page, Person};
use posthaste_domain::user::{Privacy, ServiceRole};
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
const ACCOUNTS: Statement = statement!("views_accounts");
const DELETIONS: Statement = statement!("views_deletions");
const CENSUS: Statement = statement!("views_census");

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

pub(in super::super) async fn accounts(postgres: &Postgres, filter: &AccountFilter, page: Page) -> Result<Vec<Account>, PortError> {
    let AccountFilter { matching, suspended, role } = filter;
    let pattern = match matching.as_deref().map(pattern) {
        // Nobody is called so.
        Some(None) => return Ok(Vec::new()),
        Some(Some(pattern)) => Some(pattern),
        None => None,
    };
    let (before, limit) = bounds(page);
    let has = |wanted| (*role == Some(wanted)).then_some(true);
    let (admin, auditor) = (has(ServiceRole::Admin), has(ServiceRole::Auditor));
    let rows = postgres.query(ACCOUNTS, &[&before, &limit, &pattern, suspended, &admin, &auditor]).await?;
    let account = |row| {
        let mut roles = BTreeSet::new();
        for (column, role) in [("admin", ServiceRole::Admin), ("auditor", ServiceRole::Auditor)] {
            if rows::value(row, column)? {
                roles.insert(role);
            }
        }
        Ok(Account { person: person(row, "user_id")?, suspended: rows::value(row, "suspended")?, roles })
    };
    rows.iter().map(account).collect()
}

pub(in super::super) async fn deletions(
    postgres: &Postgres,
    after: Option<Deletion>,
    due: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<Deletion>, PortError> {
    let (final_at, user) = after.map_or((DateTime::UNIX_EPOCH, Uuid::nil()), |after| (after.final_at, after.user.uuid()));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = postgres.query(DELETIONS, &[&due, &final_at, &user, &limit]).await?;
    let deletion = |row| {
        let user: Uuid = rows::value(row, "user_id")?;
        Ok(Deletion { final_at: rows::value(row, "deletion_at")?, user: UserId::new(user) })
    };
    rows.iter().map(deletion).collect()
}

pub(in super::super) async fn census(postgres: &Postgres) -> Result<Census, PortError> {
    let rows = postgres.query(CENSUS, &[]).await?;
    let row = rows::only(&rows, "the views")?;
    let count = |column| rows::count(row, column);
    Ok(Census {
        users: count("users")?,
        suspended: count("suspended")?,
        admins: count("admins")?,
        auditors: count("auditors")?,
        threads: count("threads")?,
        messages: count("messages")?,
    })
}
