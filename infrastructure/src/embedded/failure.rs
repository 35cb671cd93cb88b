//! What SQLite says, in the words of the ports.

use posthaste_application::port::PortError;
use rusqlite::ErrorCode;

pub(super) const SERVICE: &str = "sqlite";

/// What can go wrong between a question and its answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite said so.
    Sqlite(rusqlite::Error),
    /// The adapter itself found out.
    Port(PortError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl From<Failure> for PortError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Port(error) => error,
            Failure::Sqlite(error) => of_sqlite(error),
        }
    }
}

/// A stored value is not what was ever stored there.
pub(super) fn is_unreadable_value(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
    )
}

fn of_sqlite(error: rusqlite::Error) -> PortError {
    if is_unreadable_value(&error) {
        return PortError::corrupt("a row of the database", error);
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => PortError::corrupt("the database file", error),
        // Something stands against it, and will the next time.
        Some(
            ErrorCode::ConstraintViolation
            | ErrorCode::TooBig
            | ErrorCode::TypeMismatch
            | ErrorCode::ParameterOutOfRange
            | ErrorCode::ReadOnly
            | ErrorCode::ApiMisuse,
        ) => PortError::rejected(SERVICE, error),
        // A full disk, a failing one, a lock: it may be over the next time.
        Some(_) | None => PortError::unavailable(SERVICE, error),
    }
}
