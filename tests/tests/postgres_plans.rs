//! The hot statements go by index, in a log of 100,000 events, whether the planner knows the parameters or not.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use posthaste_tests::{Database, Plan};
use tokio_postgres::Client;

/// A log of 100,000 messages: most in 500 threads of ten members each, a third in one thread that everybody is in; a thousand users, who
/// are each named now and then.
const FILL: [&str; 9] = [
    "INSERT INTO events (position, version, recorded_at, stream_id, command_id, correlation, thread_id, actor, schema, ordinal, category,
         event_type, fingerprint, hash, facts)
     SELECT n, 1, now(), md5('message' || n)::uuid, md5('message' || n)::uuid, md5('message' || n)::uuid,
         md5('thread' || CASE WHEN n % 3 = 0 THEN 0 ELSE n % 500 END)::uuid, md5('user' || n % 1000)::uuid, 1, 0, 'message',
         CASE WHEN n % 50 = 49 THEN 'message.deleted' ELSE 'message.posted' END, sha256(''), sha256(''), '{}'
     FROM generate_series(1, 100000) n",
    "UPDATE log_head SET position = 100000",
    // Members from the first events on.
    "INSERT INTO event_users (user_id, position, thread_id, change)
     SELECT md5('user' || (thread * 7 + member * 13) % 1000)::uuid, thread + 1, md5('thread' || thread)::uuid, 1
     FROM generate_series(1, 499) thread, generate_series(1, 10) member ON CONFLICT DO NOTHING",
    "INSERT INTO event_users (user_id, position, thread_id, change)
     SELECT md5('user' || member)::uuid, 600 + member, md5('thread0')::uuid, 1 FROM generate_series(0, 999) member",
    "INSERT INTO event_users (user_id, position) SELECT md5('user' || n % 1000)::uuid, n FROM generate_series(2000, 100000, 10) n",
    // Everybody reads the thread that everybody is in, twenty times.
    "INSERT INTO events (position, version, recorded_at, stream_id, command_id, correlation, schema, ordinal, category, event_type,
         fingerprint, hash, facts)
     SELECT 100000 + n, 1 + n / 1000, now(), md5('reading' || n % 1000)::uuid, md5('reading' || n)::uuid, md5('reading' || n)::uuid, 1, 0,
         'subscription', 'subscription.read', sha256(''), sha256(''),
         format('{\"thread\":\"%s\",\"upto\":%s,\"user\":\"%s\"}', md5('thread0')::uuid, n * 5, md5('user' || n % 1000)::uuid)::json
     FROM generate_series(1, 20000) n",
    // Three devices each, which acknowledge now and then; the last is late.
    "INSERT INTO cursors (user_id, device_id, position, opened_position, opened_at, sent_position)
     SELECT md5('user' || n)::uuid, md5('phone' || d)::uuid, 90000, 0, now(), 95000 FROM generate_series(0, 999) n, generate_series(1, 3) d",
    "INSERT INTO cursor_moves (user_id, device_id, from_position, to_position, moved_at)
     SELECT md5('user' || n)::uuid, md5('phone' || d)::uuid, m * 3000 - 3000, m * 3000, now()
     FROM generate_series(0, 999) n, generate_series(1, 3) d, generate_series(1, 30) m",
    "INSERT INTO cursor_sends (user_id, device_id, from_position, to_position, sent_at)
     SELECT md5('user' || n)::uuid, md5('phone' || d)::uuid, m * 5000 - 2000, m * 5000, now()
     FROM generate_series(0, 999) n, generate_series(1, 3) d, generate_series(1, 19) m",
];

/// What auditors ask: what became of one event.
const STATUS: &str = "SELECT * FROM delivery_status WHERE position = $1";

/// Devices, and logins that were ended, some of them of the one who connects.
const CONNECTIONS: [&str; 2] = [
    "INSERT INTO events (position, version, recorded_at, stream_id, command_id, correlation, schema, ordinal, category, event_type,
         fingerprint, hash, facts)
     SELECT 200000 + n, n, now(), md5('user' || n % 10)::uuid, md5('end' || n)::uuid, md5('end' || n)::uuid, 1, 0, 'user',
         'user.session_revoked', sha256(''), sha256(''), json_build_object('session', md5('session' || n)::uuid)
     FROM generate_series(1, 5000) n",
    "INSERT INTO cursors (user_id, device_id, position, opened_position, opened_at)
     SELECT md5('user' || user_n)::uuid, md5('device' || device_n)::uuid, 99000, 0, now()
     FROM generate_series(0, 9999) user_n, generate_series(1, 10) device_n",
];

const USER: &str = "md5('user7')::uuid";

struct Hot {
    statement: &'static str,
    arguments: String,
    /// The indexes that it goes by, and no other.
    indexes: &'static [&'static str],
    /// Most pages it may touch.
    pages: u64,
}

#[tokio::test]
async fn hot_statements_go_by_index() -> anyhow::Result<()> {
    let database = Database::new("plans").await?;
    let owner = database.owner().await?;
    for statement in FILL.into_iter().chain(CONNECTIONS) {
        owner.execute(statement, &[]).await?;
    }
    owner.execute("VACUUM ANALYZE events, event_users, log_head, cursors, cursor_moves, cursor_sends", &[]).await?;
    let users: Vec<_> = (0..100).map(|n| format!("md5('user{n}')::uuid")).collect();
    let users = format!("ARRAY[{}]", users.join(", "));
    let messages: Vec<_> = (1..=500).map(|n| format!("md5('message{n}')::uuid")).collect();
    let hot = [
        Hot { statement: "log_read", arguments: "50000, 256".to_owned(), indexes: &["events_pkey"], pages: 60 },
        Hot {
            statement: "log_read_stream",
            arguments: "md5('message777')::uuid, 'message', 0, 512".to_owned(),
            indexes: &["events_stream"],
            pages: 8,
        },
        Hot {
            statement: "log_find_command",
            arguments: "md5('message777')::uuid".to_owned(),
            indexes: &["events_command", "events_pkey"],
            pages: 16,
        },
        // A device that is almost up to date, and one that is far behind.
        Hot { statement: "log_read_for_user", arguments: format!("{USER}, 99000, 100000, 256"), indexes: FOR_USER, pages: 1_400 },
        Hot { statement: "log_read_for_user", arguments: format!("{USER}, 2000, 100000, 256"), indexes: FOR_USER, pages: 1_400 },
        Hot { statement: "log_memberships", arguments: USER.to_owned(), indexes: &["event_users_membership"], pages: 60 },
        // Of a device that is known, and of one whose login was ended.
        Hot { statement: "cursors_connect", arguments: connects("another"), indexes: CONNECT, pages: 80 },
        Hot { statement: "cursors_connect", arguments: connects("session7"), indexes: CONNECT, pages: 80 },
        Hot {
            statement: "cursors_generations",
            arguments: format!("ARRAY[{USER}, {USER}], ARRAY[md5('device3')::uuid, md5('device4')::uuid]"),
            indexes: &["cursors_pkey"],
            pages: 8,
        },
        Hot {
            statement: "cursors_devices",
            arguments: format!("'{}', '{}', {USER}, md5('device3')::uuid, 20", uuid::Uuid::nil(), uuid::Uuid::max()),
            indexes: &["cursors_pkey"],
            pages: 30,
        },
        Hot {
            statement: "log_windows",
            arguments: format!("{USER}, md5('thread0')::uuid"),
            indexes: &["event_users_membership"],
            pages: 8,
        },
        Hot {
            statement: "log_members_at",
            arguments: "md5('thread0')::uuid, 50000, md5('user7')::uuid, 100".to_owned(),
            indexes: &["event_users_of_thread"],
            pages: 60,
        },
        // Of an event that names somebody, of one with which somebody joins, and of one in a large thread.
        Hot {
            statement: "log_addressees",
            arguments: "ARRAY[2010, 650, 30000]::bigint[]".to_owned(),
            indexes: &["event_users_named", "event_users_of_thread", "events_pkey"],
            pages: 80,
        },
        Hot {
            statement: "log_readings",
            arguments: format!("md5('thread0')::uuid, {users}, 50000"),
            indexes: &["events_readings"],
            pages: 600,
        },
        Hot {
            statement: "cursors_receipts",
            arguments: format!("{users}, 50000"),
            indexes: &["cursor_moves_pkey", "cursors_pkey"],
            pages: 12_000,
        },
        Hot {
            statement: "cursors_sends",
            arguments: format!("{users}, 49000"),
            indexes: &["cursor_sends_pkey", "cursors_pkey"],
            pages: 12_000,
        },
        Hot {
            statement: "log_deletions",
            arguments: format!("ARRAY[{}]", messages.join(", ")),
            indexes: &["events_deletions"],
            pages: 1_600,
        },
    ];
    for hot in hot {
        for mode in ["force_custom_plan", "force_generic_plan"] {
            check(&owner, &hot, mode).await.with_context(|| format!("{} ({}) under {mode}", hot.statement, hot.arguments))?;
        }
    }
    Ok(())
}

fn connects(session: &str) -> String {
    format!("{USER}, md5('device3')::uuid, md5('{session}')::uuid::text, 100000, now()")
}

const CONNECT: &[&str] = &["event_users_membership", "events_erasures", "events_revocations", "events_suspensions"];
const FOR_USER: &[&str] = &["event_users_membership", "event_users_pkey", "events_pkey", "events_thread"];

#[tokio::test]
async fn what_became_of_an_event_is_found_by_index() -> anyhow::Result<()> {
    let database = Database::new("status_plans").await?;
    let owner = database.owner().await?;
    for statement in FILL {
        owner.execute(statement, &[]).await?;
    }
    owner.execute("VACUUM ANALYZE events, event_users, log_head, cursors, cursor_moves, cursor_sends", &[]).await?;
    // A thread of ten, and the one of a thousand.
    for (position, pages) in [("50002", 400), ("50001", 40_000)] {
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let plan = Plan::of_query(&owner, STATUS, position, mode).await?;
            let indexes = &[
                "cursor_moves_pkey",
                "cursor_sends_pkey",
                "cursors_pkey",
                "event_users_named",
                "event_users_of_thread",
                "events_pkey",
                "events_readings",
            ];
            by_index(&plan, indexes, pages).with_context(|| format!("position {position} under {mode}"))?;
        }
    }
    Ok(())
}

async fn check(owner: &Client, hot: &Hot, mode: &str) -> anyhow::Result<()> {
    let plan = Plan::of(owner, hot.statement, &hot.arguments, mode).await?;
    by_index(&plan, hot.indexes, hot.pages)
}

/// Either of two indexes finds when a user came to a thread and left it.
fn known_as<'a>(index: &'a str, expected: &[&'a str]) -> &'a str {
    const EITHER: &str = "event_users_membership";
    if index == "event_users_of_thread" && expected.contains(&EITHER) { EITHER } else { index }
}

fn by_index(plan: &Plan, expected: &[&str], most_pages: u64) -> anyhow::Result<()> {
    let mut indexes = BTreeSet::new();
    let mut scanned = Vec::new();
    plan.visit(|node| {
        let index = node["Index Name"].as_str();
        // The head is one row: by index or not is the planner's choice, as long as it is one page.
        indexes.extend(index.filter(|index| *index != "log_head_pkey").map(|index| known_as(index, expected).to_owned()));
        if node["Node Type"] == "Seq Scan" && node["Relation Name"] != "log_head" {
            scanned.push(node["Relation Name"].clone());
        }
    });
    let (rows, pages) = (plan.rows(), plan.pages());
    ensure!(rows > 0.0, "it found nothing, so it proves nothing");
    ensure!(scanned.is_empty(), "{scanned:?} read from end to end: {plan:?}");
    ensure!(indexes.iter().eq(expected), "by {indexes:?}: {plan:?}");
    ensure!(pages <= most_pages, "{pages} pages for {rows} rows: {plan:?}");
    Ok(())
}
