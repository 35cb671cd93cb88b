//! Every statement there is, one file each.

macro_rules! statements {
    ($($name:ident = $file:literal;)+) => {
        $(pub(super) const $name: &str = include_str!(concat!("sql/", $file));)+

        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$(($file, $name)),+];
    };
}

statements! {
    COMMAND_FIND = "command_find.sql";
    CREDENTIALS_CREATE = "credentials_create.sql";
    CREDENTIALS_FIND = "credentials_find.sql";
    CURSOR_MOVE = "cursor_move.sql";
    CURSOR_MOVE_INSERT = "cursor_move_insert.sql";
    CURSOR_OPEN = "cursor_open.sql";
    CURSOR_READ = "cursor_read.sql";
    EVENT_AT = "event_at.sql";
    EVENT_INSERT = "event_insert.sql";
    EVENT_USER_INSERT = "event_user_insert.sql";
    EVENTS_AFTER = "events_after.sql";
    EVENTS_OF_STREAM = "events_of_stream.sql";
    HEAD_MOVE = "head_move.sql";
    HEAD_READ = "head_read.sql";
    LEASE_CHECKPOINT = "lease_checkpoint.sql";
    LEASE_READ = "lease_read.sql";
    LEASE_RELEASE = "lease_release.sql";
    LEASE_TAKE = "lease_take.sql";
    LEASE_VACATE = "lease_vacate.sql";
    MEMBERSHIP_CHANGES = "membership_changes.sql";
    POSITIONS_NAMING_USER = "positions_naming_user.sql";
    POSITIONS_OF_THREAD = "positions_of_thread.sql";
    RECEIPTS = "receipts.sql";
    STREAM_VERSION = "stream_version.sql";
}

/// The versions of the schema, oldest first. A file that has been released is never changed; a new version is a new file.
pub(super) const SCHEMA: &[&str] = &[include_str!("sql/schema_1.sql")];

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{ALL, SCHEMA};

    fn migrated() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        for version in SCHEMA {
            connection.execute_batch(version).unwrap();
        }
        connection
    }

    #[test]
    fn every_statement_fits_the_schema() {
        let connection = migrated();
        for (file, statement) in ALL {
            connection.prepare(statement).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
    }

    #[test]
    fn every_statement_finds_its_rows_by_an_index_and_in_order() {
        let connection = migrated();
        for (file, statement) in ALL {
            // Tables of one row.
            if file.starts_with("head_") || file.starts_with("lease_") {
                continue;
            }
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
            let parameters = vec![1; plan.parameter_count()];
            let steps = plan.query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>("detail")).unwrap();
            for step in steps.map(Result::unwrap) {
                assert!(!step.starts_with("SCAN ") && !step.contains("TEMP B-TREE"), "{file}: {step}");
            }
        }
    }
}
