//! Every statement there is, one file each.

macro_rules! statements {
    ($($name:ident = $file:literal;)+) => {
        $(pub(super) const $name: &str = include_str!(concat!("sql/", $file));)+

        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$(($file, $name)),+];
    };
}

statements! {
    ADDRESSEES = "addressees.sql";
    CENSUS_DEVICES = "census_devices.sql";
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
    CREDENTIALS_REMOVE = "credentials_remove.sql";
    CREDENTIALS_REPLACE = "credentials_replace.sql";
    CURSOR_CONNECT = "cursor_connect.sql";
    CURSOR_GENERATION = "cursor_generation.sql";
    CURSOR_MARK = "cursor_mark.sql";
    CURSOR_MARKED = "cursor_marked.sql";
    CURSOR_MOVE = "cursor_move.sql";
    CURSOR_MOVE_INSERT = "cursor_move_insert.sql";
    CURSOR_READ = "cursor_read.sql";
    CURSOR_REGISTER = "cursor_register.sql";
    CURSOR_SEND_INSERT = "cursor_send_insert.sql";
    DEAD_ASK = "dead_ask.sql";
    DEAD_ASKED = "dead_asked.sql";
    DEAD_COUNTS = "dead_counts.sql";
    DEAD_DROP = "dead_drop.sql";
    DEAD_ONE = "dead_one.sql";
    DEAD_PAGE = "dead_page.sql";
    DEAD_PAGE_OF_CONSUMER = "dead_page_of_consumer.sql";
    DEAD_PARK = "dead_park.sql";
    DEAD_RAISE = "dead_raise.sql";
    DEAD_WAITING_ASIDE = "dead_waiting_aside.sql";
    DEAD_WAITING_IN_STREAM = "dead_waiting_in_stream.sql";
    DELETIONS = "deletions.sql";
    DESK_ANSWER = "desk_answer.sql";
    DESK_ASK = "desk_ask.sql";
    DESK_OPEN = "desk_open.sql";
    DESK_SLIP = "desk_slip.sql";
    DESK_TELL = "desk_tell.sql";
    DESK_TIDY = "desk_tidy.sql";
    DESK_WITHDRAW = "desk_withdraw.sql";
    DEVICES = "devices.sql";
    EVENT_AT = "event_at.sql";
    EVENT_INSERT = "event_insert.sql";
    EVENT_USER_INSERT = "event_user_insert.sql";
    EVENTS_AFTER = "events_after.sql";
    EVENTS_OF_STREAM = "events_of_stream.sql";
    FACTOR_FIND = "factor_find.sql";
    FACTOR_OFFER = "factor_offer.sql";
    FACTOR_REMOVE = "factor_remove.sql";
    FACTOR_REPLACE = "factor_replace.sql";
    HEAD_MOVE = "head_move.sql";
    HEAD_READ = "head_read.sql";
    IDENTITY_FIND = "identity_find.sql";
    IDENTITY_LINK = "identity_link.sql";
    IDENTITY_OF_USER = "identity_of_user.sql";
    IDENTITY_REMOVE = "identity_remove.sql";
    IDENTITY_UNLINK = "identity_unlink.sql";
    IMPORT_CONSUMED = "import_consumed.sql";
    IMPORT_RELAYED = "import_relayed.sql";
    IMPORT_TAKEN = "import_taken.sql";
    KEY_DESTROY = "key_destroy.sql";
    KEY_FIND = "key_find.sql";
    KEY_KEEP = "key_keep.sql";
    KEY_PAGE = "key_page.sql";
    KEY_REWRAP = "key_rewrap.sql";
    LEASE_CHECKPOINT = "lease_checkpoint.sql";
    LEASE_CONFIRM = "lease_confirm.sql";
    LEASE_CONFIRMED_AT = "lease_confirmed_at.sql";
    LEASE_READ = "lease_read.sql";
    LEASE_RELEASE = "lease_release.sql";
    LEASE_TAKE = "lease_take.sql";
    LEASE_VACATE = "lease_vacate.sql";
    MAIL_BURY = "mail_bury.sql";
    MAIL_DEAD = "mail_dead.sql";
    MAIL_DONE = "mail_done.sql";
    MAIL_DUE = "mail_due.sql";
    MAIL_FORGET = "mail_forget.sql";
    MAIL_PUT = "mail_put.sql";
    MAIL_REMOVE = "mail_remove.sql";
    MAIL_RETRY = "mail_retry.sql";
    MAIL_STATUS = "mail_status.sql";
    MAIL_TAKE = "mail_take.sql";
    MEMBERS_AT = "members_at.sql";
    MEMBERSHIP_CHANGES = "membership_changes.sql";
    MEMBERSHIP_CHANGES_OF_THREAD = "membership_changes_of_thread.sql";
    ONE_TIME_FIND = "one_time_find.sql";
    ONE_TIME_FORGET = "one_time_forget.sql";
    ONE_TIME_KEEP = "one_time_keep.sql";
    ONE_TIME_OF_USER = "one_time_of_user.sql";
    ONE_TIME_REMOVE = "one_time_remove.sql";
    PASSCODE_ATTEMPT = "passcode_attempt.sql";
    PASSCODE_ATTEMPTS = "passcode_attempts.sql";
    PASSCODE_ATTEMPTS_FORGET = "passcode_attempts_forget.sql";
    PASSCODE_FIND = "passcode_find.sql";
    PASSCODE_KEEP = "passcode_keep.sql";
    PASSKEY_ADD = "passkey_add.sql";
    PASSKEY_FIND = "passkey_find.sql";
    PASSKEY_OF_USER = "passkey_of_user.sql";
    PASSKEY_REMOVE = "passkey_remove.sql";
    PASSKEY_REMOVE_ALL = "passkey_remove_all.sql";
    PASSKEY_REPLACE = "passkey_replace.sql";
    POSITIONS_NAMING_USER = "positions_naming_user.sql";
    POSITIONS_OF_THREAD = "positions_of_thread.sql";
    POSITIONS_UNSORTED = "positions_unsorted.sql";
    READING = "reading.sql";
    RECEIPTS = "receipts.sql";
    SCHEMA_OLDEST = "schema_oldest.sql";
    SENDS = "sends.sql";
    SESSION_CREATE = "session_create.sql";
    SESSION_FIND = "session_find.sql";
    SESSION_FORGET = "session_forget.sql";
    SESSION_OF_FAMILY = "session_of_family.sql";
    SESSION_OF_USER = "session_of_user.sql";
    SESSION_REMOVE = "session_remove.sql";
    SESSION_REPLACE = "session_replace.sql";
    SESSION_REVOKED = "session_revoked.sql";
    STREAM_VERSION = "stream_version.sql";
    SUSPENDED = "suspended.sql";
    THREAD_EVENTS_SORT = "thread_events_sort.sql";
    THREAD_EVENTS_SORTED = "thread_events_sorted.sql";
    VIEW_DROPPED = "view_dropped.sql";
    VIEW_REVISE = "view_revise.sql";
    VIEW_REVISION = "view_revision.sql";
    WEBHOOK_ASIDE_ADD = "webhook_aside_add.sql";
    WEBHOOK_ASIDE_COUNT = "webhook_aside_count.sql";
    WEBHOOK_ASIDE_TAKE = "webhook_aside_take.sql";
    WEBHOOK_BURY = "webhook_bury.sql";
    WEBHOOK_DEAD_COUNT = "webhook_dead_count.sql";
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
    WEBHOOK_PARKED = "webhook_parked.sql";
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
    include_str!("sql/schema_6.sql"),
    include_str!("sql/schema_7.sql"),
    include_str!("sql/schema_8.sql"),
    include_str!("sql/schema_9.sql"),
    include_str!("sql/schema_10.sql"),
    include_str!("sql/schema_11.sql"),
    include_str!("sql/schema_12.sql"),
    include_str!("sql/schema_13.sql"),
    include_str!("sql/schema_14.sql"),
    include_str!("sql/schema_15.sql"),
    include_str!("sql/schema_16.sql"),
    include_str!("sql/schema_17.sql"),
    include_str!("sql/schema_18.sql"),
];

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, StatementStatus, params_from_iter};

    use super::super::database::keep_plans;
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
    fn no_statement_is_planned_anew_for_other_parameters() {
        let connection = migrated();
        keep_plans(&connection).unwrap();
        for (file, statement) in ALL {
            let mut statement = connection.prepare(statement).unwrap();
            for value in 1..4 {
                let parameters = vec![value; statement.parameter_count()];
                let mut rows = statement.query(params_from_iter(parameters)).unwrap();
                // Whatever comes of it.
                while let Ok(Some(_)) = rows.next() {}
            }
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{file}");
        }
    }

    #[test]
    fn every_statement_finds_its_rows_by_an_index_and_in_order() {
        let connection = migrated();
        for (file, statement) in ALL {
            // Tables of one row, of a row for each webhook or consumer or who asks something at the moment, of what has gone wrong, what counts
            // everything there is, what is done when somebody is erased, and what is there to sort.
            let small = [
                "census_",
                "dead_asked",
                "dead_counts",
                "desk_",
                "head_",
                "import_",
                "lease_",
                "mail_remove",
                "mail_status",
                "thread_events_sort.sql",
                "webhook_endpoints_",
                "webhook_intake_",
            ];
            if small.iter().any(|small| file.starts_with(small)) {
                continue;
            }
            // Asked for nothing but events that only a newer program can read.
            if *file == "addressees.sql" {
                continue;
            }
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
            let parameters = vec![1; plan.parameter_count()];
            let steps = plan.query_map(params_from_iter(parameters), |row| row.get::<_, String>("detail")).unwrap();
            // A row that is computed from such, and from no table.
            for step in steps.map(Result::unwrap).filter(|step| step != "SCAN CONSTANT ROW") {
                assert!(!step.starts_with("SCAN ") && !step.contains("TEMP B-TREE"), "{file}: {step}");
            }
        }
    }
}
