//! Dead letters of views, on real processes: what cannot be taken parks its stream, the rest flows, and what becomes of it is up to operators.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "dead/admins.rs"]
mod admins;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use posthaste_application::codec;
use posthaste_application::port::EventLog;
use posthaste_application::recorded::{NewEvent, Position};
use posthaste_domain::message::{MessageContent, MessageEvent};
use posthaste_domain::text::MessageBody;
use posthaste_domain::{MessageId, Personal, ThreadId, UserId};
use posthaste_infrastructure::embedded::{self, SqliteLog};
use posthaste_infrastructure::postgres::{PgLog, Postgres, PostgresConfig};
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::actor::{User, new_id};
use posthaste_tests::drafts::{message, one_event};
use posthaste_tests::node::{migrate, run_posthaste};
use posthaste_tests::services::{Scratch, connect};
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_postgres::types::ToSql;

const PATIENCE: Duration = Duration::from_secs(60);

/// A server and two people who write to each other.
struct World {
    node: Node,
    settings: NodeSettings,
    sandbox: Option<Sandbox>,
    data: Scratch,
    writer: User,
    thread: ThreadId,
}

impl World {
    async fn new(profile: Profile) -> anyhow::Result<Self> {
        let data = Scratch::new()?;
        let (settings, sandbox) = match profile {
            Profile::Embedded => (NodeSettings::embedded(&data.path().join("data")), None),
            Profile::Distributed => {
                let sandbox = Sandbox::new("dead").await?;
                migrate(&sandbox).await?;
                (NodeSettings::distributed(&sandbox), Some(sandbox))
            }
        };
        // What devices are told of an event that nobody can read is another matter.
        let node = Node::start("a node", settings.clone().roles("api,relay,projector")).await?;
        let base = node.base();
        let (writer, friend) = tokio::try_join!(User::register(&base, "writer"), User::register(&base, "friend"))?;
        writer.befriend(&base, &friend).await?;
        let thread = writer.open_direct(&base, &friend).await?;
        Ok(Self { node, settings, sandbox, data, writer, thread })
    }

    fn path(&self) -> String {
        format!("/v1/threads/{}/messages", self.thread)
    }

    async fn say(&self, text: &str) -> anyhow::Result<String> {
        let body = json!({ "content": { "kind": "text", "text": text } });
        let posted = self.writer.call(&self.node.base(), Method::POST, &self.path(), Some(body)).await?;
        Ok(posted["id"].as_str().context("an id")?.to_owned())
    }

    async fn edit(&self, message: &str, text: &str) -> anyhow::Result<()> {
        let body = json!({ "content": { "kind": "text", "text": text } });
        self.writer.call(&self.node.base(), Method::PATCH, &format!("/v1/messages/{message}"), Some(body)).await.map(drop)
    }

    /// Waits until this is what is shown of what was said, oldest first.
    async fn shows(&self, expected: &[&str]) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, answer) = self.writer.answer(&self.node.base(), Method::GET, &self.path(), None).await?;
            let mut said: Vec<_> =
                answer["items"].as_array().into_iter().flatten().filter_map(|item| item["content"]["text"].as_str()).collect();
            said.reverse();
            if status == 200 && said == expected {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "not {expected:?}: {status} {answer}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// What a command of the command line says, and whether it succeeds.
    async fn posthaste(&self, arguments: &[&str]) -> anyhow::Result<(Vec<Value>, Result<(), String>)> {
        let data = self.data.path().join("data");
        let data = data.to_str().context("a path")?;
        let data = self.sandbox.is_none().then_some(["--data", data]).into_iter().flatten();
        let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).chain(data).collect();
        let output = run_posthaste(&self.settings, &arguments).await;
        let output = output.with_context(|| format!("{arguments:?}, and the server said {}", self.node.logs()))?;
        let said = String::from_utf8(output.stdout)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let failed = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok((said, if output.status.success() { Ok(()) } else { Err(failed) }))
    }

    async fn succeeds(&self, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        let (said, succeeded) = self.posthaste(arguments).await?;
        succeeded.map_err(|error| anyhow::anyhow!("{arguments:?}: {error}"))?;
        Ok(said)
    }

    /// Waits until there are so many dead letters.
    async fn letters(&self, count: usize) -> anyhow::Result<Vec<Value>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let letters = self.succeeds(&["dead", "list"]).await?;
            if letters.len() == count {
                return Ok(letters);
            }
            ensure!(Instant::now() < deadline, "not {count}: {letters:?}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Both that compare find nothing, with so many streams left out of each view that takes messages.
    async fn verified(&self, parked: u64) -> anyhow::Result<()> {
        for report in self.succeeds(&["views", "verify", "all"]).await? {
            let parked = if report["view"] == "people" { 0 } else { parked };
            ensure!(report["verdict"] == "verified" && report["parked"] == parked, "{report}");
        }
        Ok(())
    }

    /// Has something done to the log behind the server's back, which is stopped for it.
    async fn behind_its_back(&mut self, record: Vec<posthaste_application::recorded::Append>) -> anyhow::Result<()> {
        self.node.terminate().await?;
        let log: Arc<dyn EventLog> = match &self.sandbox {
            None => Arc::new(SqliteLog::new(embedded::Database::open(&self.data.path().join("data"))?, Arc::new(SystemClock))),
            Some(sandbox) => Arc::new(PgLog::new(Postgres::connect(PostgresConfig::new(sandbox.postgres_server_url())).await?)),
        };
        for append in record {
            log.append(&[append]).await?.remove(0)?;
        }
        drop(log);
        self.node.restart().await
    }

    /// Makes an event readable by hand, beside the running server: what no server may do.
    async fn mend(&self, position: u64, facts: &str) -> anyhow::Result<()> {
        let at = i64::try_from(position)?;
        match &self.sandbox {
            None => {
                let file = rusqlite::Connection::open(self.data.path().join("data").join("posthaste.db"))?;
                file.busy_timeout(PATIENCE)?;
                file.execute_batch("DROP TRIGGER events_are_not_changed")?;
                file.execute("UPDATE events SET facts = ?1 WHERE position = ?2", rusqlite::params![facts, at])?;
            }
            Some(sandbox) => {
                let owner = connect(&sandbox.postgres_owner_url()).await?;
                owner.execute("ALTER TABLE events DISABLE TRIGGER USER", &[]).await?;
                owner
                    .execute("UPDATE events SET facts = $1::text::json WHERE position = $2", &[&facts as &(dyn ToSql + Sync), &at])
                    .await?;
                owner.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER append_only", &[]).await?;
            }
        }
        Ok(())
    }
}

/// A message that nobody can read, and an edit of it that everybody could. Gives what the first should have said.
fn unreadable(thread: ThreadId, author: UserId) -> (Vec<posthaste_application::recorded::Append>, String, String) {
    let id = new_id();
    let (message_id, stream) = (MessageId::new(id), message(id));
    let content = |text: &str| Personal::from(Some(MessageContent::Text { text: MessageBody::parse(text).unwrap() }));
    let posted = MessageEvent::Posted {
        message: message_id,
        thread,
        author,
        reply_to: None,
        mentions: vec![],
        forwarded: None,
        content: content("unreadable"),
    };
    let edited =
        MessageEvent::Edited { message: message_id, thread, author, revision: 2, mentions: vec![], content: content("readable again") };
    let append = |version, event: NewEvent| {
        let mut append = one_event(new_id(), stream, version);
        append.events = vec![event];
        append
    };
    let mut first = codec::encode(stream, 1, &posted.into());
    let facts = std::mem::replace(&mut first.facts, "{\"message\":7}".to_owned());
    (vec![append(0, first), append(1, codec::encode(stream, 2, &edited.into()))], facts, stream.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_no_view_can_read_parks_its_stream_until_it_can_be_read_embedded() -> anyhow::Result<()> {
    an_event_that_no_view_can_read_parks_its_stream_until_it_can_be_read(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_no_view_can_read_parks_its_stream_until_it_can_be_read_distributed() -> anyhow::Result<()> {
    an_event_that_no_view_can_read_parks_its_stream_until_it_can_be_read(Profile::Distributed).await
}

async fn an_event_that_no_view_can_read_parks_its_stream_until_it_can_be_read(profile: Profile) -> anyhow::Result<()> {
    let mut world = World::new(profile).await?;
    world.say("before").await?;
    world.shows(&["before"]).await?;
    let (appends, facts, stream) = unreadable(world.thread, world.writer.id());
    world.behind_its_back(appends).await?;
    world.say("after").await?;
    // Neither it nor what comes later of its stream, and everything else.
    world.shows(&["before", "after"]).await?;

    let letters = world.letters(2).await?;
    let consumers: BTreeSet<_> = letters.iter().filter_map(|letter| letter["consumer"].as_str()).collect();
    assert_eq!(consumers, ["view:threads", "view:timeline"].into());
    let position = letters[0]["position"].as_u64().context("a position")?;
    for letter in &letters {
        ensure!(letter["stream"] == stream.as_str() && letter["position"] == position && letter["waiting"] == 1, "{letter}");
        ensure!(
            letter["type"] == "message.posted" && letter["reason"].as_str().is_some_and(|why| why.contains("cannot be read")),
            "{letter}"
        );
    }
    world.verified(1).await?;
    let shown = world.succeeds(&["dead", "show", "view:timeline", &stream]).await?.remove(0);
    ensure!(shown["event"]["facts"]["message"] == 7 && shown["behind"][0]["type"] == "message.edited", "{shown}");
    let (findings, _) = world.posthaste(&["doctor"]).await?;
    let found = findings.iter().find(|finding| finding["check"] == "dead letters").context("what the doctor says")?;
    ensure!(found["verdict"] == "warn" && found["remedy"].as_str().is_some_and(|remedy| remedy.contains("posthaste dead")), "{found}");

    // Killed and started again, it is as it was.
    world.node.kill9()?;
    world.node.restart().await?;
    world.shows(&["before", "after"]).await?;
    let again = world.letters(2).await?;
    for (before, letter) in letters.iter().zip(&again) {
        ensure!(before["position"] == letter["position"] && before["since"] == letter["since"], "{before}, then {letter}");
    }

    // Nothing has changed, so it is dead again; and whoever asked is told so.
    let (said, failed) = world.posthaste(&["dead", "retry", "view:timeline", &stream]).await?;
    ensure!(said[0]["dead"] == 1 && said[0]["retried"] == 0, "{said:?}");
    ensure!(failed.is_err_and(|error| error.contains("still dead") && error.contains("cannot be read")), "it says that it was tried");
    let letter = world.succeeds(&["dead", "list", "--consumer", "view:timeline"]).await?.remove(0);
    ensure!(letter["tries"].as_u64() > again[1]["tries"].as_u64() && letter["since"] == again[1]["since"], "{letter}");
    world.shows(&["before", "after"]).await?;

    world.mend(position, &facts).await?;
    for consumer in consumers {
        let said = world.succeeds(&["dead", "retry", consumer, &stream]).await?.remove(0);
        ensure!(said["retried"] == 1 && said["dead"] == 0, "{said}");
    }
    world.shows(&["before", "readable again", "after"]).await?;
    world.letters(0).await?;
    world.verified(0).await?;
    world.say("and on").await?;
    world.shows(&["before", "readable again", "after", "and on"]).await?;
    let (_, failed) = world.posthaste(&["dead", "retry", "view:timeline", &stream]).await?;
    ensure!(failed.is_err_and(|error| error.contains("is not parked")), "there is nothing to try again");
    world.node.still_runs()
}

/// The log is as it should be, and a table refuses what is in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_refused_is_a_dead_letter_and_a_database_that_is_away_is_not() -> anyhow::Result<()> {
    let mut world = World::new(Profile::Distributed).await?;
    let owner = connect(&world.sandbox.as_ref().context("a database")?.postgres_owner_url()).await?;
    // Wherever the view is written.
    for schema in ["public", "rebuild"] {
        let constrain = format!("ALTER TABLE {schema}.view_timeline ADD CONSTRAINT no_poison CHECK (body NOT LIKE 'poison%')");
        owner.execute(&constrain, &[]).await?;
    }
    let (one, other) = (world.say("poison one").await?, world.say("poison two").await?);
    world.say("between").await?;
    for (message, text) in [(&one, "poison, edited one"), (&other, "poison, edited two")] {
        world.edit(message, text).await?;
    }
    // Its connections are cut while it works, again and again.
    let cut =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'posthaste'";
    let mut said = vec!["between".to_owned()];
    for n in 0..10 {
        let text = format!("said {n}");
        // Whoever is cut off says it again; but here it matters only that it was said.
        if world.say(&text).await.is_ok() {
            said.push(text);
        }
        owner.execute(cut, &[]).await?;
    }
    let deadline = Instant::now() + PATIENCE;
    while world.say("the end").await.is_err() {
        ensure!(Instant::now() < deadline, "it does not come back");
        sleep(Duration::from_millis(50)).await;
    }
    // What failed may have been recorded, so it is not known what exactly is shown; but the end is.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, answer) = world.writer.answer(&world.node.base(), Method::GET, &world.path(), None).await?;
        let texts: Vec<_> = answer["items"].as_array().into_iter().flatten().filter_map(|item| item["content"]["text"].as_str()).collect();
        if texts.first() == Some(&"the end") {
            ensure!(said.iter().all(|text| texts.contains(&text.as_str())), "{said:?} and {texts:?}");
            ensure!(!texts.iter().any(|text| text.contains("poison")), "{texts:?}");
            break;
        }
        ensure!(Instant::now() < deadline, "{answer}");
        sleep(Duration::from_millis(50)).await;
    }
    let letters = world.letters(2).await?;
    let of = |message: &str| letters.iter().find(|letter| letter["stream"] == format!("message-{message}")).cloned();
    let (first, second) = (of(&one).context("a letter")?, of(&other).context("a letter")?);
    for letter in [&first, &second] {
        ensure!(letter["consumer"] == "view:timeline" && letter["waiting"] == 1, "{letter}");
        ensure!(letter["reason"].as_str().is_some_and(|why| why.contains("23514") && why.contains("no_poison")), "{letter}");
        ensure!(!letter["reason"].as_str().is_some_and(|why| why.contains("poison one") || why.contains("poison two")), "{letter}");
    }
    for view in ["threads", "people"] {
        let report = world.succeeds(&["views", "verify", view]).await?.remove(0);
        ensure!(report["verdict"] == "verified" && report["parked"] == 0, "{report}");
    }
    let report = world.succeeds(&["views", "verify", "timeline"]).await?.remove(0);
    ensure!(report["verdict"] == "verified" && report["parked"] == 2, "{report}");

    // The first is dropped: of its stream the edit goes in, which has nothing to change.
    let stream = format!("message-{one}");
    let at = first["position"].to_string();
    let (_, failed) = world.posthaste(&["dead", "drop", "view:timeline", &stream, "--position", "1"]).await?;
    ensure!(failed.is_err_and(|error| error.contains("nothing was dropped")), "that is another event");
    world.succeeds(&["dead", "drop", "view:timeline", &stream, "--position", &at]).await?;
    let letters = world.letters(1).await?;
    ensure!(letters[0]["stream"] == second["stream"], "{letters:?}");

    // The second is let in.
    for schema in ["public", "rebuild"] {
        owner.execute(&format!("ALTER TABLE {schema}.view_timeline DROP CONSTRAINT no_poison"), &[]).await?;
    }
    world.succeeds(&["dead", "retry", "view:timeline", "--all"]).await?;
    world.letters(0).await?;
    let texts = async || {
        let (_, answer) = world.writer.answer(&world.node.base(), Method::GET, &world.path(), None).await?;
        let items = answer["items"].as_array().context("items")?.clone();
        anyhow::Ok(items.iter().filter_map(|item| item["content"]["text"].as_str().map(str::to_owned)).collect::<Vec<_>>())
    };
    let shown = texts().await?;
    ensure!(shown.contains(&"poison, edited two".to_owned()) && !shown.iter().any(|text| text.contains("one")), "{shown:?}");
    world.verified(0).await?;
    // For ever: also when the view is built anew, though nothing refuses it any more.
    let rebuilt = world.succeeds(&["views", "rebuild", "timeline"]).await?.remove(0);
    ensure!(rebuilt["exchanged"] == json!([]) && rebuilt["parked"] == 0, "{rebuilt}");
    assert_eq!(texts().await?, shown);
    let dropped = Position(first["position"].as_u64().context("a position")?);
    let count: i64 = owner.query_one("SELECT count(*) FROM view_dropped WHERE position = $1", &[&i64::try_from(dropped.0)?]).await?.get(0);
    assert_eq!(count, 1);
    ensure!(!world.node.logs().contains("poison one"), "what people say is in the logs");
    world.node.still_runs()
}
