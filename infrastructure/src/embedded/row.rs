//! Between the values of the domain and those of SQLite. Identifiers are 16 bytes, times are microseconds, numbers are signed.

use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::recorded::{Decoded, Position, Recorded, StreamId};
use posthaste_domain::{Category, CommandId, ThreadId, UserId};
use rusqlite::Row;
use rusqlite::types::{FromSqlError, FromSqlResult, ValueRef};
use uuid::Uuid;

use super::failure::{Failure, is_unreadable_value};

/// As SQLite counts; beyond what it can count is beyond everything it holds.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// At most so many rows.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A number of the application in a column.
pub(super) struct Unsigned(pub u64);

impl rusqlite::types::FromSql for Unsigned {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        u64::try_from(number).map(Self).map_err(|_| FromSqlError::OutOfRange(number))
    }
}

/// A time in a column.
pub(super) struct Micros(pub DateTime<Utc>);

impl rusqlite::types::FromSql for Micros {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let micros = value.as_i64()?;
        DateTime::from_timestamp_micros(micros).map(Self).ok_or(FromSqlError::OutOfRange(micros))
    }
}

/// An identifier in a column.
pub(super) struct Id(pub Uuid);

impl rusqlite::types::FromSql for Id {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 16]>::column_result(value).map(|bytes| Self(Uuid::from_bytes(bytes)))
    }
}

/// A category in a column.
pub(super) struct CategoryName(pub Category);

impl rusqlite::types::FromSql for CategoryName {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Category::parse(value.as_str()?).map(Self).ok_or_else(|| FromSqlError::Other("not the name of a category".into()))
    }
}

/// An event, from its columns in the order of the table.
///
/// # Errors
/// A value that cannot have been stored names the position.
pub(super) fn recorded(row: &Row<'_>) -> Result<Recorded, Failure> {
    let Unsigned(position) = row.get(0)?;
    columns(row, Position(position)).map_err(|error| {
        if is_unreadable_value(&error) {
            PortError::corrupt(format!("the event at position {position}"), error).into()
        } else {
            error.into()
        }
    })
}

fn columns(row: &Row<'_>, position: Position) -> rusqlite::Result<Recorded> {
    let CategoryName(category) = row.get(1)?;
    let Id(stream) = row.get(2)?;
    let Unsigned(version) = row.get(3)?;
    let id = |column| row.get::<_, Id>(column).map(|Id(id)| id);
    let optional = |column| row.get::<_, Option<Id>>(column).map(|id| id.map(|Id(id)| id));
    let Micros(at) = row.get(15)?;
    Ok(Recorded {
        position,
        stream: StreamId { category, id: stream },
        version,
        event_type: row.get(4)?,
        schema: row.get(5)?,
        facts: row.get(6)?,
        content: row.get(7)?,
        thread: optional(8)?.map(ThreadId::new),
        actor: optional(9)?.map(UserId::new),
        command: CommandId::new(id(10)?),
        ordinal: row.get(11)?,
        fingerprint: row.get(12)?,
        correlation: id(13)?,
        causation: optional(14)?,
        at,
        hash: row.get(16)?,
        decoded: Decoded::default(),
    })
}
