//! Rebuilt under load, by a process that is killed again and again, beside a server that goes on.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use posthaste_infrastructure::postgres::PgViews;
use posthaste_tests::actor::User;
use posthaste_tests::node::{posthaste_with, run_posthaste};
use posthaste_tests::patience::until;
use posthaste_tests::{Node, NodeSettings, bulk, opened};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::asked::{Asked, ask_everything};
use super::*;

/// Far beyond what anything here takes, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Events that the views have when the rebuild begins.
const BEFORE: u64 = 3_000;
/// Far fewer events than a batch usually has: there is time to be killed between two.
const SMALL: &str = "100";

/// A server, its log, and somebody who reads.
struct Scene {
    settings: NodeSettings,
    node: Node,
    database: Database,
    log: Arc<dyn EventLog>,
    rebuilds: PgRebuilds,
    views: PgViews,
    reader: User,
    path: String,
}

impl Scene {
    async fn begin(history: &History) -> anyhow::Result<Self> {
        let database = Database::new("view_killed").await?;
        let postgres = database.postgres.clone();
        let log: Arc<dyn EventLog> = Arc::new(PgLog::new(postgres.clone()));
        append(&*log, history).await;
        log.append(&bulk::threads()).await?;
        for from in (0..BEFORE).step_by(500) {
            log.append(&bulk::messages(from, 500)).await?;
        }
        let settings = NodeSettings::distributed(&database.sandbox);
        let node = Node::start("a server", settings.clone()).await?;
        let base = node.base();
        let (reader, friend) = tokio::try_join!(User::register(&base, "reader"), User::register(&base, "friend"))?;
        reader.befriend(&base, &friend).await?;
        let thread = reader.open_direct(&base, &friend).await?;
        let path = format!("/v1/threads/{thread}/messages");
        let posted = reader.call(&base, Method::POST, &path, Some(json!({ "content": { "kind": "text", "text": "the truth" } }))).await?;
        ensure!(posted["id"].is_string(), "{posted}");
        let scene = Self {
            settings,
            node,
            log,
            rebuilds: PgRebuilds::new(postgres.clone()),
            views: PgViews::new(postgres),
            reader,
            path,
            database,
        };
        scene.caught_up().await?;
        Ok(scene)
    }

    /// Every view has everything.
    async fn caught_up(&self) -> anyhow::Result<Position> {
        let head = self.log.head().await?.position;
        for view in ViewName::ALL {
            timeout(PATIENCE, self.views.reached(view, head)).await.with_context(|| format!("{view} does not reach {head}"))??;
        }
        Ok(head)
    }

    /// What the reader is shown, which is one message.
    async fn shown(&self) -> anyhow::Result<String> {
        let (status, answer) = self.reader.answer(&self.node.base(), Method::GET, &self.path, None).await?;
        ensure!(status == 200, "{status}: {answer}");
        let said: Vec<_> =
            answer["items"].as_array().context("items")?.iter().filter_map(|item| item["content"]["text"].as_str()).collect();
        let [text] = said[..] else { bail!("{answer}") };
        Ok(text.to_owned())
    }

    /// Both commands that compare say what is wrong, and exit with 1.
    async fn faults_are_named(&self) -> anyhow::Result<()> {
        let output = run_posthaste(&self.settings, &["views", "verify", "timeline", "--json"]).await?;
        ensure!(output.status.code() == Some(1), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout)?;
        let first = &report["first"][0];
        ensure!(report["verdict"] == "wrong" && report["differences"].as_u64().is_some_and(|rows| rows > 1_000), "{report}");
        ensure!(first["table"].is_string() && first["key"].is_object(), "{report}");
        let output = run_posthaste(&self.settings, &["views", "diff", "timeline", "-n", "3"]).await?;
        let (said, complained) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        ensure!(output.status.code() == Some(1) && said.lines().count() == 9, "{said}{complained}");
        ensure!(complained.contains("3 shown") && complained.contains("views rebuild"), "{complained}");
        Ok(())
    }

    /// What `views status` says of each view, in JSON.
    async fn status(&self) -> anyhow::Result<Vec<Value>> {
        let output = run_posthaste(&self.settings, &["views", "status", "--over", "0.5", "--json"]).await?;
        ensure!(output.status.success(), "{output:?}");
        Ok(String::from_utf8(output.stdout)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    }

    /// The status of a rebuild that was ended at a position, while events are written.
    async fn is_interrupted(&self, at: Position) -> anyhow::Result<()> {
        let seen = until(
            "a rate, while there is writing",
            async || self.status().await,
            |seen| seen.iter().all(|view| view["events_per_second"].as_f64().is_some_and(|rate| rate > 0.0)),
        );
        let seen = seen.await?;
        let names: Vec<_> = seen.iter().filter_map(|view| view["view"].as_str()).collect();
        ensure!(names == ["threads", "timeline", "people"], "{seen:?}");
        for view in &seen {
            let [checkpoint, head, lag] = ["checkpoint", "head", "lag"].map(|key| view[key].as_u64());
            ensure!(head.zip(checkpoint).map(|(head, checkpoint)| head.saturating_sub(checkpoint)) == lag && lag.is_some(), "{view}");
            ensure!(view["beyond_head"] == false && (view["view"] == "timeline" || view["rebuild"].is_null()), "{view}");
        }
        let rebuild = &seen[1]["rebuild"];
        ensure!(rebuild["position"] == at.0 && rebuild["running"] == false && rebuild["by"].is_null(), "{rebuild}");
        let words = run_posthaste(&self.settings, &["views", "status", "--over", "0.1"]).await?;
        ensure!(String::from_utf8_lossy(&words.stdout).contains("a rebuild was interrupted at"), "{words:?}");
        let listed = run_posthaste(&self.settings, &["views", "list"]).await?;
        ensure!(String::from_utf8_lossy(&listed.stdout).matches("(kept in postgresql)").count() == 3, "{listed:?}");

        // And of one that is under way.
        let holder = new_id();
        let taken = self.rebuilds.acquire(ViewName::Timeline, Purpose::Rebuild, holder, Duration::from_secs(60)).await?;
        let lease = taken.map_err(|held| anyhow::anyhow!("{held:?}"))?;
        let rebuild = self.status().await?[1]["rebuild"].clone();
        ensure!(rebuild["running"] == true && rebuild["by"]["purpose"] == "rebuild" && rebuild["position"] == at.0, "{rebuild}");
        let words = run_posthaste(&self.settings, &["views", "status", "--over", "0.1"]).await?;
        ensure!(String::from_utf8_lossy(&words.stdout).contains("rebuild under way: at"), "{words:?}");
        Ok(self.rebuilds.release(ViewName::Timeline, lease).await?)
    }

    /// Starts a rebuild, and ends it when it has come some way beyond where the last one was. Gives how far that was.
    async fn end_one(&self, reached: Position, dice: &mut StdRng, kindly: bool) -> anyhow::Result<Position> {
        let mut command =
            tokio::process::Command::from(posthaste_with(&self.settings, &["views", "rebuild", "timeline", "--batch", SMALL]));
        let mut rebuild = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
        // Beyond the batch that the last one had under way when it was killed, which may be committed after that.
        let (goal, begun) = (Position(reached.0 + dice.random_range(200..500)), Instant::now());
        loop {
            let beside = self.rebuilds.status(ViewName::Timeline).await?.beside.unwrap_or_default();
            ensure!(beside >= reached, "it was at {reached} when the last one was killed, and is at {beside}");
            if beside >= goal {
                break;
            }
            ensure!(rebuild.try_wait()?.is_none(), "it ended before it could be killed: {:?}", rebuild.wait_with_output().await?);
            ensure!(begun.elapsed() < PATIENCE, "it is at {beside}, and {goal} is not reached");
            sleep(Duration::from_millis(2)).await;
        }
        sleep(Duration::from_micros(dice.random_range(0..60_000))).await;
        ensure!(rebuild.try_wait()?.is_none(), "it ended before it could be killed: {:?}", rebuild.wait_with_output().await?);
        if kindly {
            let interrupt = Command::new("kill").args(["-s", "INT", &rebuild.id().context("it runs")?.to_string()]).status()?;
            ensure!(interrupt.success(), "{interrupt}");
            let output = timeout(PATIENCE, rebuild.wait_with_output()).await.context("it does not heed Ctrl-C")??;
            let complained = String::from_utf8_lossy(&output.stderr).into_owned();
            ensure!(output.status.code() == Some(130) && complained.contains("run it again to go on"), "{output:?}");
        } else {
            rebuild.kill().await?;
        }
        self.rebuilds.status(ViewName::Timeline).await?.beside.context("what was built is kept")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_is_killed_three_times_under_load_ends_equal_and_nobody_is_left_without_an_answer() -> anyhow::Result<()> {
    let history = rich_history();
    let scene = Scene::begin(&history).await?;
    let owner = scene.database.owner().await?;
    // What is wrong with the live view is how one sees which of the two is served.
    for fault in [
        "UPDATE view_timeline SET body = 'a lie' WHERE body = 'the truth'",
        "UPDATE view_timeline SET deleted = true WHERE position % 3 = 0 AND body LIKE 'This is message%'",
        "DELETE FROM view_timeline WHERE position % 5 = 0 AND body LIKE 'This is message%'",
        "DELETE FROM view_reactions",
    ] {
        ensure!(owner.execute(fault, &[]).await? > 0, "{fault}");
    }

    scene.faults_are_named().await?;

    let (going, reads, written) = (AtomicBool::new(true), AtomicU64::new(0), AtomicU64::new(0));
    let write = async {
        let mut next = BEFORE;
        while going.load(Ordering::Relaxed) {
            for answer in scene.log.append(&bulk::messages(next, 10)).await? {
                answer?;
            }
            next += 10;
            written.fetch_add(10, Ordering::Relaxed);
            sleep(Duration::from_millis(10)).await;
        }
        anyhow::Ok(())
    };
    let read = async {
        let mut put_right = false;
        while going.load(Ordering::Relaxed) || !put_right {
            match scene.shown().await?.as_str() {
                "a lie" => ensure!(!put_right, "the old view is back"),
                "the truth" => put_right = true,
                other => bail!("{other}"),
            }
            reads.fetch_add(1, Ordering::Relaxed);
        }
        anyhow::Ok(())
    };
    let rebuild = async {
        let seed = rand::random();
        let (mut dice, mut reached) = (StdRng::seed_from_u64(seed), Position::START);
        for kindly in [false, false, false, true] {
            reached = scene.end_one(reached, &mut dice, kindly).await.with_context(|| format!("seed {seed}"))?;
            if kindly {
                scene.is_interrupted(reached).await?;
            }
            ensure!(scene.shown().await? == "a lie", "a rebuild that was ended has changed the live view (seed {seed})");
        }
        let output = run_posthaste(&scene.settings, &["views", "rebuild", "timeline", "--json"]).await?;
        ensure!(output.status.success(), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout)?;
        ensure!(report["live"] == report["position"] && report["exchanged"].as_array().is_some_and(|tables| tables.len() == 2), "{report}");
        ensure!(scene.shown().await? == "the truth", "{report}");
        going.store(false, Ordering::Relaxed);
        anyhow::Ok(())
    };
    timeout(PATIENCE * 2, async { tokio::try_join!(write, read, rebuild) }).await.context("it does not end")??;
    ensure!(reads.load(Ordering::Relaxed) > 20 && written.load(Ordering::Relaxed) > 100, "{reads:?} reads, {written:?} written");

    let head = scene.caught_up().await?;
    let output = run_posthaste(&scene.settings, &["views", "verify", "all", "--json"]).await?;
    ensure!(output.status.success(), "{output:?}");
    for line in String::from_utf8(output.stdout)?.lines() {
        let report: Value = serde_json::from_str(line)?;
        ensure!(report["verdict"] == "verified" && report["position"] == head.0, "{report}");
    }
    // And it answers as the folds do.
    let folds = MemoryViews::default();
    let log = opened::of_sandbox(&scene.database.sandbox).await?;
    let mut events = Vec::new();
    while events.len() as u64 != head.0 {
        events.extend(log.read(Position(events.len() as u64), 10_000).await?);
    }
    for projection in folds.projections() {
        ensure!(projection.apply(Position::START, &events).await?);
    }
    ask_everything(&Asked { folds: &folds, tables: &scene.views, history: &history, head, pages: &[3, 40] }).await;
    Ok(())
}
