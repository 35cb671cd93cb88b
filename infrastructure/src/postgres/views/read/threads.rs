//! Each user's threads, and the public ones.

use posthaste_application::port::PortError;
use posthaste_application::view::threads::UNREAD_MOST;
use posthaste_application::view::{LastMessage, Page, PublicThread, ThreadFilter, ThreadSummary};
use posthaste_domain::thread::{History, Visibility};
use posthaste_domain::{MessageId, ThreadId, UserId};
use tokio_postgres::Row;

use super::super::super::connect::Postgres;
use super::super::super::door::{Statement, statement};
use super::super::super::rows;
use super::super::words;
use super::{appearance, bounds, pattern, person, range, small};

const LIST: Statement = statement!("views_threads");
const DISCOVER: Statement = statement!("views_discover");
const DISCOVER_MATCHING: Statement = statement!("views_discover_matching");

/// A page of a user's threads; of one alone, if one is named.
pub(in super::super) async fn list(
    postgres: &Postgres,
    user: UserId,
    one: Option<ThreadId>,
    filter: &ThreadFilter,
    page: Page,
) -> Result<Vec<ThreadSummary>, PortError> {
    let matching = match filter.matching.as_deref().map(pattern) {
        Some(None) => return Ok(Vec::new()),
        Some(pattern) => pattern,
        None => None,
    };
    let ((from, until), (before, limit)) = (range(one), bounds(page));
    let unread_most = i64::from(UNREAD_MOST);
    let rows = postgres.query(LIST, &[&user.uuid(), &from, &until, &before, &limit, &filter.archived, &matching, &unread_most]).await?;
    rows.iter().map(summary).collect()
}

pub(in super::super) async fn discover(postgres: &Postgres, matching: Option<&str>, page: Page) -> Result<Vec<PublicThread>, PortError> {
    let (before, limit) = bounds(page);
    let rows = match matching.map(pattern) {
        Some(None) => return Ok(Vec::new()),
        Some(Some(pattern)) => postgres.query(DISCOVER_MATCHING, &[&before, &limit, &pattern]).await?,
        None => postgres.query(DISCOVER, &[&before, &limit]).await?,
    };
    let public = |row| {
        Ok(PublicThread {
            thread: ThreadId::new(rows::value(row, "thread_id")?),
            appearance: appearance(row)?,
            members: small(row, "members")?,
            has_passcode: rows::value(row, "has_passcode")?,
            created: rows::position(row, "created")?,
        })
    };
    rows.iter().map(public).collect()
}

fn summary(row: &Row) -> Result<ThreadSummary, PortError> {
    Ok(ThreadSummary {
        thread: ThreadId::new(rows::value(row, "thread_id")?),
        kind: words::parse_kind(rows::value(row, "kind")?)?,
        role: words::parse_role(rows::value(row, "role")?)?,
        members: small(row, "members")?,
        peer: rows::optional(row, "user_id")?.map(|_| person(row, "user_id")).transpose()?,
        appearance: appearance(row)?,
        visibility: if rows::value(row, "public")? { Visibility::Public } else { Visibility::Private },
        history: if rows::value(row, "history_all")? { History::All } else { History::Joined },
        revision: small(row, "revision")?,
        has_passcode: rows::value(row, "has_passcode")?,
        muted: rows::value(row, "muted")?,
        archived: rows::value(row, "archived")?,
        read: rows::position(row, "read_position")?,
        unread: u32::try_from(rows::count(row, "unread")?).map_err(|error| PortError::corrupt("unread", error))?,
        activity: rows::position(row, "activity")?,
        active_at: rows::value(row, "active_at")?,
        last_message: rows::optional(row, "last_message")?.map(|message| last_message(row, MessageId::new(message))).transpose()?,
    })
}

fn last_message(row: &Row, message: MessageId) -> Result<LastMessage, PortError> {
    Ok(LastMessage {
        position: rows::position(row, "last_position")?,
        message,
        author: UserId::new(rows::value(row, "last_author")?),
        text: rows::value(row, "last_text")?,
        deleted: rows::value(row, "last_deleted")?,
    })
}
