//! Messages and notices, pins, reactions, search.

use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::recorded::Position;
use posthaste_application::view::{Direction, Page, Reaction, Search, TimelineEntry, TimelinePage};
use posthaste_domain::text::Emoji;
use posthaste_domain::{MessageId, ThreadId, UserId};

use super::super::super::connect::Postgres;
use super::super::super::door::{Statement, statement};
use super::super::super::rows;
use super::entry::entry;
use super::{bound, bounds, most, range};

const BEFORE: Statement = statement!("views_timeline_before");
const SINCE: Statement = statement!("views_timeline_since");
const AT: Statement = statement!("views_timeline_at");
const MESSAGE: Statement = statement!("views_message");
const PINS: Statement = statement!("views_pins");
const REACTIONS: Statement = statement!("views_reactions");
const SEARCH: Statement = statement!("views_search");

pub(in super::super) async fn page(
    postgres: &Postgres,
    user: UserId,
    thread: ThreadId,
    page: TimelinePage,
) -> Result<Vec<TimelineEntry>, PortError> {
    let (statement, key) = match page.direction {
        Direction::Before(before) => (BEFORE, before.map_or(i64::MAX, bound)),
        Direction::Since(since) => (SINCE, bound(since)),
    };
    let rows = postgres.query(statement, &[&user.uuid(), &thread.uuid(), &key, &most(page.limit)]).await?;
    rows.iter().map(entry).collect()
}

pub(in super::super) async fn position_at(
    postgres: &Postgres,
    user: UserId,
    thread: ThreadId,
    at: DateTime<Utc>,
) -> Result<Option<Position>, PortError> {
    let rows = postgres.query(AT, &[&user.uuid(), &thread.uuid(), &at]).await?;
    rows.first().map(|row| rows::position(row, "position")).transpose()
}

pub(in super::super) async fn message(postgres: &Postgres, user: UserId, message: MessageId) -> Result<Option<TimelineEntry>, PortError> {
    postgres.query(MESSAGE, &[&user.uuid(), &message.uuid()]).await?.first().map(entry).transpose()
}

pub(in super::super) async fn pins(
    postgres: &Postgres,
    user: UserId,
    thread: ThreadId,
    page: Page,
) -> Result<Vec<(Position, TimelineEntry)>, PortError> {
    let (before, limit) = bounds(page);
    let rows = postgres.query(PINS, &[&user.uuid(), &thread.uuid(), &before, &limit]).await?;
    rows.iter().map(|row| Ok((rows::position(row, "pinned_at")?, entry(row)?))).collect()
}

pub(in super::super) async fn reactions(postgres: &Postgres, message: MessageId, page: Page) -> Result<Vec<Reaction>, PortError> {
    let (before, limit) = bounds(page);
    let rows = postgres.query(REACTIONS, &[&message.uuid(), &before, &limit]).await?;
    let reaction = |row| {
        Ok(Reaction {
            position: rows::position(row, "position")?,
            user: UserId::new(rows::value(row, "user_id")?),
            emoji: Emoji::try_from(rows::value::<String>(row, "emoji")?).map_err(|error| PortError::corrupt("emoji", error))?,
            at: rows::value(row, "at")?,
        })
    };
    rows.iter().map(reaction).collect()
}

pub(in super::super) async fn search(
    postgres: &Postgres,
    user: UserId,
    thread: Option<ThreadId>,
    search: &Search,
    page: Page,
) -> Result<Vec<TimelineEntry>, PortError> {
    let (before, limit) = bounds(page);
    let (from, until) = range(thread);
    let rows = postgres.query(SEARCH, &[&user.uuid(), &from, &until, &query(search), &before, &limit]).await?;
    rows.iter().map(entry).collect()
}

/// A search as PostgreSQL reads it: every word between quotes, whatever it has in it.
fn query(search: &Search) -> String {
    let quoted = |word: &String| format!("'{}'", word.replace('\\', "\\\\").replace('\'', "''"));
    let begun = format!("{}:*", quoted(&search.begun));
    search.whole.iter().map(quoted).chain([begun]).collect::<Vec<_>>().join(" & ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_words_whatever_they_have_in_them() {
        let parsed = Search::parse("Two WORDS & on").unwrap();
        assert_eq!(query(&parsed), "'two' & 'words' & 'on':*");
        let wild = Search { whole: vec!["it's".to_owned()], begun: "a\\b".to_owned() };
        assert_eq!(query(&wild), "'it''s' & 'a\\\\b':*");
    }
}
