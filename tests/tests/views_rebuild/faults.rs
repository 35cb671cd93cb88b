//! What is wrong is found, named and put right, and nothing else is touched.

use posthaste_application::port::Projection;
use posthaste_application::port::projection::Batch;
use posthaste_application::port::rebuilds::Difference;
use posthaste_infrastructure::postgres::{PgProjection, PgRebuilds, Postgres, PostgresConfig};
use posthaste_tests::Database;
use serde_json::Value;
use tokio_postgres::Client;

use super::*;

/// Every table, and something that somebody may do to a row of it.
const EDITS: [(ViewName, &str, &str); 10] = [
    (ViewName::Threads, "view_threads", "members = members + 1"),
    (ViewName::Threads, "view_members", "role = role || '?'"),
    (ViewName::Threads, "view_bans", "by_user = gen_random_uuid()"),
    (ViewName::Threads, "view_invites", "uses = uses + 1"),
    (ViewName::Threads, "view_subscriptions", "archived = NOT coalesce(archived, false)"),
    (ViewName::Timeline, "view_timeline", "body = 'I never said that', words = array_to_tsvector('{never}')"),
    (ViewName::Timeline, "view_pins", "pinned = pinned + 1"),
    (ViewName::Timeline, "view_reactions", "at = at + interval '1 microsecond'"),
    (ViewName::People, "view_profiles", "read_receipts = NOT read_receipts"),
    (ViewName::People, "view_friends", "state = 'blocked?'"),
];

/// The tables of the database that are no views, and what is in them.
async fn everything_else(owner: &Client) -> Vec<(String, String)> {
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'view\\_%' ORDER BY 1";
    let mut contents = Vec::new();
    for table in owner.query(tables, &[]).await.unwrap() {
        let table: String = table.get(0);
        let digest = format!("SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM {table} t");
        contents.push((table, owner.query_one(&digest, &[]).await.unwrap().get(0)));
    }
    assert!(contents.len() > 10, "{contents:?}");
    contents
}

async fn whole(owner: &Client, table: &str) -> String {
    let rows = format!("SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM {table} t");
    owner.query_one(&rows, &[]).await.unwrap().get(0)
}

/// Whether a difference names this row.
fn names(difference: &Difference, table: &str, row: &Value) -> bool {
    let key = difference.key.as_object().unwrap();
    difference.table == table && key.iter().all(|(column, value)| row[column] == *value)
}

/// A row that is edited, one that is deleted, and one that is added; and on which sides there is a row then, live and rebuilt.
async fn faults(owner: &Client, table: &str, edit: &str) -> [(String, (bool, bool)); 3] {
    let id: String = owner.query_one("SELECT split_part(rebuild.key_columns($1, '%s', ' '), ' ', 1)", &[&table]).await.unwrap().get(0);
    let id = match table {
        // A message is in one place.
        "view_timeline" => "jsonb_build_object('thread_id', gen_random_uuid(), 'message_id', NULL)".to_owned(),
        _ => format!("jsonb_build_object('{id}', gen_random_uuid())"),
    };
    let (first, last) = (format!("ctid = (SELECT min(ctid) FROM {table})"), format!("ctid = (SELECT max(ctid) FROM {table})"));
    [
        // Deleted first: what is edited goes to the end of the table.
        (format!("DELETE FROM {table} WHERE {last}"), (false, true)),
        (format!("INSERT INTO {table} SELECT (jsonb_populate_record(t, {id})).* FROM {table} t WHERE {first}"), (true, false)),
        (format!("UPDATE {table} SET {edit} WHERE {first}"), (true, true)),
    ]
}

#[tokio::test]
async fn a_row_that_was_changed_deleted_or_added_by_hand_is_named_and_put_right() {
    let world = World::new("view_faults", &rich_history()).await;
    let owner = world.database.owner().await.unwrap();
    let (head, before) = (world.log.head().await.unwrap().position, everything_else(&owner).await);
    for view in ViewName::ALL {
        let tables = EDITS.iter().filter(|(of, _, _)| *of == view);
        let (mut right, mut planted) = (Vec::new(), Vec::new());
        for (_, table, edit) in tables {
            right.push((table, whole(&owner, table).await));
            assert_ne!(right.last().unwrap().1, "", "{table} is empty: there is nothing to spoil");
            for (fault, sides) in faults(&owner, table, edit).await {
                let row: Value = owner.query_one(&format!("{fault} RETURNING to_jsonb({table}.*)"), &[]).await.unwrap().get(0);
                planted.push((fault, *table, row, sides));
            }
        }
        let verdict = world.verify(view).await.unwrap();
        assert_eq!(
            (verdict.total, verdict.differences.len(), verdict.position),
            (planted.len() as u64, planted.len(), head),
            "{verdict:?}"
        );
        for (fault, table, row, sides) in &planted {
            let found = verdict.differences.iter().find(|difference| names(difference, table, row));
            let found = found.unwrap_or_else(|| panic!("{fault}: {row} is not among {verdict:?}"));
            assert_eq!((found.live.is_some(), found.rebuilt.is_some()), *sides, "{fault}: {found:?}");
        }
        assert!(!format!("{verdict:?}").contains("never said"), "what people say is not shown: {verdict:?}");

        let outcome = world.rebuild(view).await.unwrap();
        let touched: Vec<_> = outcome.exchanged.iter().map(|table| (table.removed, table.added)).collect();
        // The one that was edited goes out and in.
        assert_eq!(touched, vec![(2, 2); right.len()], "{outcome:?}");
        assert_eq!((outcome.live, outcome.position), (head, head));
        for (table, right) in right {
            assert_eq!(whole(&owner, table).await, right, "{table}");
        }
        let verdict = world.verify(view).await.unwrap();
        assert_eq!((verdict.total, verdict.differences), (0, vec![]));
    }
    assert_eq!(everything_else(&owner).await, before, "a rebuild did more than rebuild");
}

#[tokio::test]
async fn a_view_that_is_behind_or_beyond_the_log_is_brought_to_its_head() {
    let world = World::new("view_astray", &rich_history()).await;
    let owner = world.database.owner().await.unwrap();
    let head = world.log.head().await.unwrap().position;
    for view in ViewName::ALL {
        PgProjection::new(world.database.postgres.clone(), view).reset().await.unwrap();
        let verdict = world.verify(view).await.unwrap();
        assert_eq!((verdict.total, verdict.position), (0, Position::START), "nothing is what nothing says");
        let outcome = world.rebuild(view).await.unwrap();
        assert_eq!((outcome.live, outcome.position), (Position::START, head));
        assert!(!outcome.exchanged.is_empty());

        // As after a backup that is older than the view.
        owner.execute("UPDATE view_checkpoints SET position = position + 5 WHERE view = $1", &[&view.as_str()]).await.unwrap();
        let error = world.verify(view).await.unwrap_err();
        assert!(matches!(error, RebuildError::BeyondHead { live, head: at, .. } if live.0 == head.0 + 5 && at == head), "{error:?}");
        let outcome = world.rebuild(view).await.unwrap();
        assert_eq!((outcome.live.0, outcome.position), (head.0 + 5, head));
        let verdict = world.verify(view).await.unwrap();
        assert_eq!((verdict.total, verdict.position), (0, head));
    }
}

#[tokio::test]
async fn one_connection_writes_the_live_view_and_the_one_beside_it_by_turns_and_each_where_it_belongs() {
    let database = Database::new("view_by_turns").await.unwrap();
    let url = database.sandbox.postgres_server_url();
    let one = Postgres::connect(PostgresConfig { connections: 1, ..PostgresConfig::new(url) }).await.unwrap();
    let (rebuilds, owner) = (PgRebuilds::new(one.clone()), database.owner().await.unwrap());
    let history = rich_history();
    for view in ViewName::ALL {
        let live = PgProjection::new(one.clone(), view);
        let lease = rebuilds.acquire(view, Purpose::Rebuild, new_id(), posthaste_application::rebuild::LEASE).await.unwrap().unwrap();
        rebuilds.begin(view, lease).await.unwrap().unwrap();
        let mut after = Position::START;
        for batch in history.recorded.chunks(7) {
            assert!(live.apply(after, batch).await.unwrap());
            let upto = batch.last().unwrap().position;
            let events: Vec<_> = batch.iter().collect();
            let whole = Batch { after, upto, events: &events, poison: None };
            rebuilds.take(view, lease, whole, posthaste_application::rebuild::LEASE).await.unwrap().unwrap();
            after = batch.last().unwrap().position;
        }
        for (_, table, _) in EDITS.iter().filter(|(of, _, _)| *of == view) {
            let live = whole(&owner, &format!("public.{table}")).await;
            assert_ne!(live, "");
            assert_eq!(live, whole(&owner, &format!("rebuild.{table}")).await, "{table}");
        }
    }
}

#[tokio::test]
async fn every_table_of_a_view_has_its_like_beside_it() {
    let database = Database::new("view_tables").await.unwrap();
    let owner = database.owner().await.unwrap();
    let columns = async |schema: &str| {
        let columns =
            "SELECT table_name || '.' || column_name || ' ' || udt_name || ' ' || coalesce(column_default, '') || ' ' || is_nullable
            || ' ' || coalesce(collation_name, '')
            FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
            WHERE table_schema = $1 AND table_type = 'BASE TABLE' AND table_name LIKE 'view\\_%'
                AND table_name NOT IN ('view_checkpoints', 'view_dropped', 'view_tables')
            ORDER BY table_name, ordinal_position";
        owner.query(columns, &[&schema]).await.unwrap().iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>()
    };
    assert_eq!(columns("public").await, columns("rebuild").await, "a later migration changed one and not the other");
    let listed = owner.query("SELECT view, name FROM rebuild.view_tables ORDER BY 2", &[]).await.unwrap();
    let listed: Vec<(String, String)> = listed.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut known: Vec<_> = EDITS.iter().map(|(view, table, _)| (view.to_string(), (*table).to_owned())).collect();
    known.sort_by(|one, other| one.1.cmp(&other.1));
    assert_eq!(listed, known);
}
