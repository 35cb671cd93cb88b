//! The hot statements go by index, in a log of 100,000 events, whether the planner knows the parameters or not.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use posthaste_tests::{Database, Plan};
use tokio_postgres::Client;

/// A log of 100,000 messages: most in 500 threads of ten members each, a third in one thread that everybody is in; a thousand users, who
/// are each named now and then.
const FILL: [&str; 5] = [
    "INSERT INTO events (position, version, recorded_at, stream_id, command_id, correlation, thread_id, actor, schema, ordinal, category,
         event_type, fingerprint, hash, facts)
     SELECT n, 1, now(), md5('message' || n)::uuid, md5('message' || n)::uuid, md5('message' || n)::uuid,
         md5('thread' || CASE WHEN n % 3 = 0 THEN 0 ELSE n % 500 END)::uuid, md5('user' || n % 1000)::uuid, 1, 0, 'message',
         'message.posted', sha256(''), sha256(''), '{}'
     FROM generate_series(1, 100000) n",
    "UPDATE log_head SET position = 100000",
    // Members from the first events on.
    "INSERT INTO event_users (user_id, position, thread_id, change)
     SELECT md5('user' || (thread * 7 + member * 13) % 1000)::uuid, thread + 1, md5('thread' || thread)::uuid, 1
     FROM generate_series(1, 499) thread, generate_series(1, 10) member ON CONFLICT DO NOTHING",
    "INSERT INTO event_users (user_id, position, thread_id, change)
     SELECT md5('user' || member)::uuid, 600 + member, md5('thread0')::uuid, 1 FROM generate_series(0, 999) member",
    "INSERT INTO event_users (user_id, position) SELECT md5('user' || n % 1000)::uuid, n FROM generate_series(2000, 100000, 10) n",
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
    for statement in FILL {
        owner.execute(statement, &[]).await?;
    }
    owner.execute("VACUUM ANALYZE events, event_users, log_head", &[]).await?;
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
    ];
    for hot in hot {
        for mode in ["force_custom_plan", "force_generic_plan"] {
            check(&owner, &hot, mode).await.with_context(|| format!("{} ({}) under {mode}", hot.statement, hot.arguments))?;
        }
    }
    Ok(())
}

const FOR_USER: &[&str] = &["event_users_membership", "event_users_pkey", "events_pkey", "events_thread"];

async fn check(owner: &Client, hot: &Hot, mode: &str) -> anyhow::Result<()> {
    let plan = Plan::of(owner, hot.statement, &hot.arguments, mode).await?;
    let mut indexes = BTreeSet::new();
    let mut scanned = Vec::new();
    plan.visit(|node| {
        let index = node["Index Name"].as_str();
        // The head is one row: by index or not is the planner's choice, as long as it is one page.
        indexes.extend(index.filter(|index| *index != "log_head_pkey").map(ToOwned::to_owned));
        if node["Node Type"] == "Seq Scan" && node["Relation Name"] != "log_head" {
            scanned.push(node["Relation Name"].clone());
        }
    });
    let (rows, pages) = (plan.rows(), plan.pages());
    ensure!(rows > 0.0, "it found nothing, so it proves nothing");
    ensure!(scanned.is_empty(), "{scanned:?} read from end to end: {plan:?}");
    ensure!(indexes.iter().eq(hot.indexes), "by {indexes:?}: {plan:?}");
    ensure!(pages <= hot.pages, "{pages} pages for {rows} rows: {plan:?}");
    Ok(())
}
