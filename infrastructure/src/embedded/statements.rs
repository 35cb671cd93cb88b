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
    CONSUMER_BEGIN = "consumer_begin.sql";
    CONSUMER_BURY = "consumer_bury.sql";
    CONSUMER_CHECKPOINT = "consumer_checkpoint.sql";
    CONSUMER_FORGIVE = "consumer_forgive.sql";
    CONSUMER_MOVE = "consumer_move.sql";
    CONSUMER_REJECT = "consumer_reject.sql";
    CONSUMER_REJECTED = "consumer_rejected.sql";
    CREDENTIALS_CREATE = "credentials_create.sql";
    CREDENTIALS_FIND = "credentials_find.sql";
    CURSOR_CONNECT = "cursor_connect.sql";
    CURSOR_GENERATION = "cursor_generation.sql";
    CURSOR_MARK = "cursor_mark.sql";
    CURSOR_MARKED = "cursor_marked.sql";
    CURSOR_MOVE = "cursor_move.sql";
    CURSOR_MOVE_INSERT = "cursor_move_insert.sql";
    CURSOR_READ = "cursor_read.sql";
    CURSOR_REGISTER = "cursor_register.sql";
    CURSOR_SEND_INSERT = "cursor_send_insert.sql";
    DELETIONS = "deletions.sql";
    EVENTS_AFTER = "events_after.sql";
    EVENTS_OF_STREAM = "events_of_stream.sql";
    EVENT_AT = "event_at.sql";
    EVENT_INSERT = "event_insert.sql";
    EVENT_USER_INSERT = "event_user_insert.sql";
    HEAD_MOVE = "head_move.sql";
    HEAD_READ = "head_read.sql";
    IMPORT_CONSUMED = "import_consumed.sql";
    IMPORT_RELAYED = "import_relayed.sql";
    IMPORT_TAKEN = "import_taken.sql";
    LEASE_CHECKPOINT = "lease_checkpoint.sql";
    LEASE_READ = "lease_read.sql";
    LEASE_RELEASE = "lease_release.sql";
    LEASE_TAKE = "lease_take.sql";
    LEASE_VACATE = "lease_vacate.sql";
    MEMBERS_AT = "members_at.sql";
    MEMBERSHIP_CHANGES = "membership_changes.sql";
    MEMBERSHIP_CHANGES_OF_THREAD = "membership_changes_of_thread.sql";
    PASSCODE_ATTEMPT = "passcode_attempt.sql";
    PASSCODE_ATTEMPTS = "passcode_attempts.sql";
    PASSCODE_ATTEMPTS_FORGET = "passcode_attempts_forget.sql";
    PASSCODE_FIND = "passcode_find.sql";
    PASSCODE_KEEP = "passcode_keep.sql";
    POSITIONS_NAMING_USER = "positions_naming_user.sql";
    POSITIONS_OF_THREAD = "positions_of_thread.sql";
    READING = "reading.sql";
    RECEIPTS = "receipts.sql";
    SENDS = "sends.sql";
    SESSION_REVOKED = "session_revoked.sql";
    STREAM_VERSION = "stream_version.sql";
    WEBHOOK_DEAD_ADD = "webhook_dead_add.sql";
    WEBHOOK_DEAD_AFTER = "webhook_dead_after.sql";
    WEBHOOK_DEAD_COUNT = "webhook_dead_count.sql";
    WEBHOOK_DEAD_TAKE = "webhook_dead_take.sql";
    WEBHOOK_ENDPOINT = "webhook_endpoint.sql";
    WEBHOOK_ENDPOINTS_ALL = "webhook_endpoints_all.sql";
    WEBHOOK_ENDPOINTS_VACATE = "webhook_endpoints_vacate.sql";
    WEBHOOK_HEALTH = "webhook_health.sql";
    WEBHOOK_INBOX_ADD = "webhook_inbox_add.sql";
    WEBHOOK_INBOX_COUNT = "webhook_inbox_count.sql";
    WEBHOOK_INBOX_DUE = "webhook_inbox_due.sql";
    WEBHOOK_INBOX_OLDEST = "webhook_inbox_oldest.sql";
    WEBHOOK_INBOX_RETRY = "webhook_inbox_retry.sql";
    WEBHOOK_INBOX_TAKE = "webhook_inbox_take.sql";
    WEBHOOK_INTAKE_BEGIN = "webhook_intake_begin.sql";
    WEBHOOK_INTAKE_MOVE = "webhook_intake_move.sql";
    WEBHOOK_INTAKE_READ = "webhook_intake_read.sql";
    WEBHOOK_LEASE = "webhook_lease.sql";
    WEBHOOK_REGISTER = "webhook_register.sql";
    WEBHOOK_RELEASE = "webhook_release.sql";
}

/// The versions of the schema, oldest first. A file that has been released is never changed; a new version is a new file.
pub(super) const SCHEMA: &[&str] = &[
    include_str!("sql/schema_1.sql"),
    include_str!("sql/schema_2.sql"),
    include_str!("sql/schema_3.sql"),
    include_str!("sql/schema_4.sql"),
    include_str!("sql/schema_5.sql"),
];

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
            // Tables of one row, and of a row for each webhook or consumer.
            if ["head_", "import_", "lease_", "webhook_intake_", "webhook_endpoints_"].iter().any(|small| file.starts_with(small)) {
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
