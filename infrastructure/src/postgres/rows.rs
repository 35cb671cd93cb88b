//! Rows as the types of the ports. What does not fit is corrupt, and says where it is.

use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::port::log::MembershipWindow;
use posthaste_application::port::projection::{LeftOut, Standing};
use posthaste_application::recorded::{Decoded, Hash, Position, Recorded, StreamId};
use posthaste_domain::{Addressee, Category, CommandId, MembershipChange, ThreadId, UserId};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use super::error::SERVICE;

/// The first of the rows of a statement that always has one.
pub(super) fn only<'a>(rows: &'a [Row], place: &'static str) -> Result<&'a Row, PortError> {
    rows.first().ok_or_else(|| PortError::corrupt(place, "the row is missing"))
}

pub(super) fn value<'a, T: FromSql<'a>>(row: &'a Row, column: &'static str) -> Result<T, PortError> {
    row.try_get(column).map_err(|error| PortError::corrupt(column, error))
}

pub(super) fn optional(row: &Row, column: &'static str) -> Result<Option<Uuid>, PortError> {
    value(row, column)
}

/// A number as the database has it.
pub(super) fn number(number: u64) -> Result<i64, PortError> {
    i64::try_from(number).map_err(|error| PortError::rejected(SERVICE, error))
}

/// A number that cannot be negative.
pub(super) fn count(row: &Row, column: &'static str) -> Result<u64, PortError> {
    u64::try_from(value::<i64>(row, column)?).map_err(|error| PortError::corrupt(column, error))
}

/// A number that is small and cannot be negative.
pub(super) fn small(row: &Row, column: &'static str) -> Result<u32, PortError> {
    u32::try_from(value::<i32>(row, column)?).map_err(|error| PortError::corrupt(column, error))
}

pub(super) fn position(row: &Row, column: &'static str) -> Result<Position, PortError> {
    count(row, column).map(Position)
}

pub(super) fn optional_position(row: &Row, column: &'static str) -> Result<Option<Position>, PortError> {
    let number: Option<i64> = value(row, column)?;
    number.map(|number| u64::try_from(number).map(Position).map_err(|error| PortError::corrupt(column, error))).transpose()
}

pub(super) fn hash(row: &Row, column: &'static str, position: Position) -> Result<Hash, PortError> {
    value::<&[u8]>(row, column)?.try_into().map_err(|error| at(position, column, error))
}

fn at(position: Position, column: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PortError {
    PortError::corrupt(format!("events.{column} at position {position}"), error)
}

/// The windows of a user, of rows of which there is one without any thread when there are none.
pub(super) fn windows(rows: &[Row]) -> Result<Vec<MembershipWindow>, PortError> {
    let mut windows = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(thread) = optional(row, "thread_id")?.map(ThreadId::new) else { continue };
        windows.push(window(thread, row)?);
    }
    Ok(windows)
}

/// From when to when a user was in a thread.
pub(super) fn window(thread: ThreadId, row: &Row) -> Result<MembershipWindow, PortError> {
    Ok(MembershipWindow { thread, from: position(row, "joined")?, until: optional_position(row, "left")? })
}

/// A stream, from the columns that say which.
pub(super) fn stream(row: &Row) -> Result<StreamId, PortError> {
    Ok(StreamId { category: category(value(row, "category")?)?, id: value(row, "stream_id")? })
}

fn category(name: &str) -> Result<Category, PortError> {
    Category::parse(name).ok_or_else(|| PortError::corrupt("category", format!("there is no category {name:?}")))
}

/// Where a view stands, from the columns of the statements that say so.
pub(super) fn standing(row: &Row) -> Result<Standing, PortError> {
    let (categories, streams): (Vec<&str>, Vec<Uuid>) = (value(row, "categories")?, value(row, "streams")?);
    let positions = |column| {
        let numbers: Vec<i64> = value(row, column)?;
        let position = |number| u64::try_from(number).map(Position).map_err(|error| PortError::corrupt(column, error));
        numbers.into_iter().map(position).collect::<Result<Vec<_>, _>>()
    };
    let parked = categories.into_iter().zip(streams).zip(positions("firsts")?);
    let parked =
        parked.map(|((name, id), first)| Ok((StreamId { category: category(name)?, id }, first))).collect::<Result<_, PortError>>()?;
    let left_out = LeftOut { parked, dropped: positions("dropped")?.into_iter().collect() };
    Ok(Standing { position: position(row, "position")?, revision: count(row, "revision")?, left_out })
}

/// A user whom the event at a position names.
pub(super) fn addressee(row: &Row) -> Result<(Position, Addressee), PortError> {
    let position = position(row, "position")?;
    let change = match value::<Option<i16>>(row, "change")? {
        None => None,
        Some(1) => Some(MembershipChange::Joined),
        Some(-1) => Some(MembershipChange::Left),
        Some(other) => return Err(PortError::corrupt(format!("event_users.change at position {position}"), format!("{other}"))),
    };
    Ok((position, Addressee { user: UserId::new(value(row, "user_id")?), change }))
}

/// An event, from the columns that every statement reading events selects.
pub(super) fn recorded(row: &Row) -> Result<Recorded, PortError> {
    let position = position(row, "position")?;
    let small = |column| u16::try_from(value::<i16>(row, column)?).map_err(|error| at(position, column, error));
    let category: &str = value(row, "category")?;
    let category =
        Category::parse(category).ok_or_else(|| at(position, "category", format!("{category:?} is not the name of a category")))?;
    Ok(Recorded {
        position,
        stream: StreamId { category, id: value(row, "stream_id")? },
        version: count(row, "version")?,
        event_type: value(row, "event_type")?,
        schema: small("schema")?,
        facts: value(row, "facts")?,
        content: value(row, "content")?,
        thread: optional(row, "thread_id")?.map(ThreadId::new),
        actor: optional(row, "actor")?.map(UserId::new),
        command: CommandId::new(value(row, "command_id")?),
        ordinal: small("ordinal")?,
        fingerprint: hash(row, "fingerprint", position)?,
        correlation: value(row, "correlation")?,
        causation: value(row, "causation")?,
        at: value::<DateTime<Utc>>(row, "recorded_at")?,
        hash: hash(row, "hash", position)?,
        decoded: Decoded::default(),
    })
}
