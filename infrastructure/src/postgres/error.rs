//! What the server says when something fails, as the ports say it.

use posthaste_application::port::PortError;
use tokio_postgres::error::SqlState;

/// As errors and metrics call this service.
pub(super) const SERVICE: &str = "postgresql";

/// A statement that failed.
#[derive(Debug, thiserror::Error)]
#[error("statement {statement}")]
pub struct StatementError {
    /// Its name: the name of its file in `sql/`.
    pub statement: &'static str,
    /// What the driver or the server said.
    #[source]
    pub source: tokio_postgres::Error,
}

/// What kind of failure it is: whether trying again is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing wrong with what was asked.
    Unavailable,
    /// As before, and the connection is of no use any more.
    Stale,
    /// What was asked will never be accepted.
    Rejected,
    /// What is stored cannot be right.
    Corrupt,
}

impl Failure {
    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        match error.code() {
            Some(code) => Self::of_state(code),
            // Values that do not have the types of the statement: a mistake in this crate, or in the database's schema.
            None if is_conversion(error) => Self::Rejected,
            None => Self::Stale,
        }
    }

    fn of_state(code: &SqlState) -> Self {
        // "Cached plan must not change result type": a migration has changed a table under a prepared statement.
        if *code == SqlState::FEATURE_NOT_SUPPORTED || *code == SqlState::INVALID_SQL_STATEMENT_NAME {
            return Self::Stale;
        }
        // The statement ran too long, or waited too long for a lock.
        if *code == SqlState::QUERY_CANCELED || *code == SqlState::LOCK_NOT_AVAILABLE {
            return Self::Unavailable;
        }
        if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
            // A standby: the next connection may lead to the primary.
            return Self::Stale;
        }
        match code.code().get(..2) {
            // Connection, operator intervention (shutdown, crash recovery), system.
            Some("08" | "57" | "58") => Self::Stale,
            // Transaction rollback (serialization, deadlock), insufficient resources.
            Some("40" | "53") => Self::Unavailable,
            // Data or index corrupted, internal error.
            Some("XX") => Self::Corrupt,
            _ => Self::Rejected,
        }
    }
}

/// The values of a statement were refused, or how they fit to what is there, and not the statement: the same will come of them whenever they
/// are tried again. Says nothing of what they are, which the server does.
#[derive(Debug, thiserror::Error)]
#[error("{statement} is refused with {code}{}", constraint.as_ref().map_or_else(String::new, |name| format!(", by {name}")))]
pub(super) struct RefusedValues {
    statement: &'static str,
    code: String,
    constraint: Option<String>,
}

impl RefusedValues {
    /// If that is what it was.
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let StatementError { statement, source } = error.downcast_ref()?;
        let said = source.as_db_error().filter(|said| matches!(said.code().code().get(..2), Some("22" | "23")))?;
        let constraint = said.constraint().map(|name| format!("{name} of {}", said.table().unwrap_or("a table")));
        Some(Self { statement, code: said.code().code().to_owned(), constraint })
    }
}

fn is_conversion(error: &tokio_postgres::Error) -> bool {
    use std::error::Error as _;
    // The driver keeps its kinds to itself; of its failures without a code, those to read or write a value come from none of these.
    !error.is_closed() && !error.source().is_some_and(|source| source.is::<std::io::Error>()) && {
        let text = error.to_string();
        text.starts_with("error serializing parameter") || text.starts_with("error deserializing column")
    }
}

/// The failure of a statement, as the ports say it.
pub(super) fn port_error(statement: &'static str, source: tokio_postgres::Error) -> PortError {
    let failure = Failure::of(&source);
    let error = StatementError { statement, source };
    match failure {
        Failure::Unavailable | Failure::Stale => PortError::unavailable(SERVICE, error),
        Failure::Rejected => PortError::rejected(SERVICE, error),
        Failure::Corrupt => PortError::corrupt("PostgreSQL", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_tried_again_only_where_that_helps() {
        for (code, failure) in [
            // Killed, shut down, crashed, starting up, unreachable, a standby, a plan that a migration has outdated.
            ("57P01", Failure::Stale),
            ("57P02", Failure::Stale),
            ("57P03", Failure::Stale),
            ("08006", Failure::Stale),
            ("25006", Failure::Stale),
            ("0A000", Failure::Stale),
            // Too slow, locked, serialization, deadlock, too many connections, disk full.
            ("57014", Failure::Unavailable),
            ("55P03", Failure::Unavailable),
            ("40001", Failure::Unavailable),
            ("40P01", Failure::Unavailable),
            ("53300", Failure::Unavailable),
            ("53100", Failure::Unavailable),
            // Not JSON, a zero in a text, a constraint, a privilege, a statement that makes no sense.
            ("22P02", Failure::Rejected),
            ("22021", Failure::Rejected),
            ("23505", Failure::Rejected),
            ("42501", Failure::Rejected),
            ("42P01", Failure::Rejected),
            // A broken page, a broken index.
            ("XX001", Failure::Corrupt),
            ("XX002", Failure::Corrupt),
        ] {
            assert_eq!(Failure::of_state(&SqlState::from_code(code)), failure, "{code}");
        }
    }
}
