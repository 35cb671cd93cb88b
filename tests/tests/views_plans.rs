//! Every statement of the views goes by index among 100,000 rows, and sorts no more than the page it gives.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use posthaste_tests::{Database, Plan};
use tokio_postgres::Client;

/// 100,000 messages in 10,000 threads, one of which has a third of them. User 7 is in every tenth thread and the friend, requester or
/// addressee of every thirtieth of the others; the rest is spread over 10,000 users.
const FILL: [&str; 6] = [
    "INSERT INTO view_threads (thread_id, low_user, high_user, active_at, message_position, message_author, message_text)
     SELECT md5('thread' || n)::uuid, md5('user' || CASE WHEN n % 10 = 0 THEN 7 ELSE n END)::uuid, md5('user' || n + 1)::uuid, now(), n,
         md5('user' || n)::uuid, 'hi'
     FROM generate_series(1, 50000) n",
    "INSERT INTO view_thread_lists (user_id, thread_id, activity)
     SELECT unnest(ARRAY[low_user, high_user]), thread_id, message_position FROM view_threads ON CONFLICT DO NOTHING",
    "INSERT INTO view_timeline (thread_id, position, message_id, author, posted_at, body)
     SELECT md5('thread' || CASE WHEN n % 3 = 0 THEN 0 ELSE n % 10000 END)::uuid, n, md5('message' || n)::uuid, md5('user' || n)::uuid,
         now(), 'hi'
     FROM generate_series(1, 100000) n",
    // The thread of everybody, half of whom have left, and the others.
    "INSERT INTO view_members (thread_id, joined_position, user_id, left_position)
     SELECT md5('thread' || CASE WHEN n <= 200 THEN 0 ELSE n / 2 END)::uuid, n, md5('user' || n)::uuid,
         CASE WHEN n % 2 = 0 AND n <= 200 THEN n + 1 END
     FROM generate_series(1, 100000) n",
    "INSERT INTO view_friendships (friendship_id, requester, addressee, accepted, since, since_at)
     SELECT md5('friendship' || n)::uuid, md5('user' || CASE WHEN n % 30 = 0 THEN 7 ELSE n % 10000 END)::uuid,
         md5('user' || CASE WHEN n % 30 = 15 THEN 7 ELSE n % 9999 END)::uuid, n % 4 <> 0, n, now()
     FROM generate_series(1, 100000) n",
    "INSERT INTO view_profiles (user_id, username, display_name)
     SELECT md5('user' || n)::uuid, 'user' || n, 'User ' || n FROM generate_series(1, 100000) n",
];

const USER: &str = "md5('user7')::uuid";
const THREAD: &str = "md5('thread0')::uuid";
const PAGE: u64 = 50;

struct Hot {
    statement: &'static str,
    arguments: String,
    /// The indexes that it goes by, and no other.
    indexes: &'static [&'static str],
    /// Most pages it may touch.
    pages: u64,
}

impl Hot {
    /// A list, from the top and from the middle.
    fn list(statement: &'static str, of: &str, indexes: &'static [&'static str]) -> [Self; 2] {
        [i64::MAX, 50_000].map(|before| Self { statement, arguments: format!("{of}, {before}, {PAGE}"), indexes, pages: 10 * PAGE })
    }
}

#[tokio::test]
async fn lists_go_by_index_and_sort_no_more_than_a_page() -> anyhow::Result<()> {
    let (_database, owner) = filled("views_lists").await?;
    let pages = [
        Hot::list("views_threads", USER, &["view_thread_lists_activity", "view_threads_pkey"]),
        Hot::list("views_timeline", THREAD, &["view_timeline_pkey"]),
        Hot::list("views_friends", USER, &["view_friendships_addressee", "view_friendships_requester", "view_profiles_pkey"]),
        Hot::list("views_friends_received", USER, &["view_friendships_addressee", "view_profiles_pkey"]),
        Hot::list("views_friends_sent", USER, &["view_friendships_requester", "view_profiles_pkey"]),
    ];
    let member = format!("{THREAD}, md5('user177')::uuid");
    let others = [
        Hot { statement: "views_members", arguments: THREAD.to_owned(), indexes: &["view_members_current"], pages: 150 },
        Hot { statement: "views_member", arguments: member, indexes: &["view_members_pkey"], pages: 8 },
    ];
    for hot in pages.into_iter().flatten().chain(others) {
        for mode in ["force_custom_plan", "force_generic_plan"] {
            check(&owner, &hot, mode).await.with_context(|| format!("{} ({}) under {mode}", hot.statement, hot.arguments))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_batch_costs_as_much_as_its_events_and_not_as_the_view() -> anyhow::Result<()> {
    let (_database, owner) = filled("views_batches").await?;
    let none = "ARRAY[]::uuid[], ARRAY[]::uuid[], ARRAY[]::uuid[], ARRAY[]::bigint[], ARRAY[]::timestamptz[]";
    let array = async |of: &str, kind: &str| {
        let row = owner.query_one(&format!("SELECT array_agg({of})::text FROM generate_series(1, 100) n"), &[]).await?;
        anyhow::Ok(format!("'{}'::{kind}[]", row.try_get::<_, &str>(0)?))
    };
    let uuids = async |name: &str| array(&format!("md5('{name}' || n * 37)::uuid"), "uuid").await;
    let positions = array("n + 200000", "bigint").await?;
    let times = "array_fill(now(), ARRAY[100])";
    let texts = "array_fill('hi'::text, ARRAY[100])";
    let (threads, users, others, friendships) =
        (uuids("thread").await?, uuids("user").await?, uuids("other").await?, uuids("friendship").await?);
    let hot = [
        Hot {
            statement: "views_threads_apply",
            arguments: format!("0, 1, {none}, {threads}, {positions}, {times}, {users}, {texts}"),
            indexes: &["view_checkpoints_pkey", "view_threads_pkey"],
            pages: 6_000,
        },
        Hot {
            statement: "views_timeline_apply",
            arguments: format!("0, 1, {threads}, {positions}, {others}, {users}, {times}, {texts}"),
            indexes: &["view_checkpoints_pkey"],
            pages: 2_000,
        },
        Hot {
            statement: "views_members_apply",
            arguments: format!("0, 1, {threads}, {positions}, {users}"),
            indexes: &["view_checkpoints_pkey"],
            pages: 2_000,
        },
        Hot {
            statement: "views_friends_apply",
            arguments: format!(
                "0, 1, {friendships}, {users}, {others}, array_fill(true, ARRAY[100]), {positions}, {times}, {users}, {texts}, {texts}"
            ),
            indexes: &["view_checkpoints_pkey"],
            pages: 6_000,
        },
    ];
    for hot in hot {
        for mode in ["force_custom_plan", "force_generic_plan"] {
            owner.execute("UPDATE view_checkpoints SET position = 0", &[]).await?;
            owner.execute("BEGIN", &[]).await?;
            check(&owner, &hot, mode).await.with_context(|| format!("{} under {mode}", hot.statement))?;
            owner.execute("ROLLBACK", &[]).await?;
        }
    }
    Ok(())
}

async fn filled(name: &str) -> anyhow::Result<(Database, Client)> {
    let database = Database::new(name).await?;
    let owner = database.owner().await?;
    for statement in FILL {
        owner.execute(statement, &[]).await?;
    }
    let tables = "view_threads, view_thread_lists, view_timeline, view_members, view_friendships, view_profiles, view_checkpoints";
    owner.execute(&format!("VACUUM ANALYZE {tables}"), &[]).await?;
    Ok((database, owner))
}

async fn check(owner: &Client, hot: &Hot, mode: &str) -> anyhow::Result<()> {
    let plan = Plan::of(owner, hot.statement, &hot.arguments, mode).await?;
    let mut indexes = BTreeSet::new();
    let mut faults = Vec::new();
    plan.visit(|node| {
        indexes.extend(node["Index Name"].as_str().map(ToOwned::to_owned));
        match node["Node Type"].as_str() {
            // Four rows: by index or not is the planner's choice.
            Some("Seq Scan") if node["Relation Name"] == "view_checkpoints" => {
                indexes.insert("view_checkpoints_pkey".to_owned());
            }
            Some("Seq Scan") => faults.push(format!("{} is read from end to end", node["Relation Name"])),
            Some("Sort" | "Incremental Sort") if node["Actual Rows"].as_f64().unwrap_or_default() > 100.0 => {
                faults.push(format!("{} rows are sorted", node["Actual Rows"]));
            }
            Some(_) | None => {}
        }
    });
    let (rows, pages) = (plan.rows(), plan.pages());
    ensure!(rows > 0.0, "it found nothing, so it proves nothing: {plan:?}");
    ensure!(faults.is_empty(), "{faults:?}: {plan:?}");
    ensure!(indexes.iter().eq(hot.indexes), "by {indexes:?}: {plan:?}");
    ensure!(pages <= hot.pages, "{pages} pages for {rows} rows: {plan:?}");
    Ok(())
}
