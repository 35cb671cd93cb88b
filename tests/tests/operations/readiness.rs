//! `readyz` tells the truth: of each thing the service stands on, while it is gone and when it is back.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use posthaste_application::recorded::Position;
use posthaste_tests::actor::{Device, Incoming, Socket, User};
use posthaste_tests::history::History;
use posthaste_tests::node::{migrate, run_posthaste};
use posthaste_tests::proxy::Proxy;
use posthaste_tests::services::{Redis, Scratch};
use posthaste_tests::{Node, NodeSettings, Sandbox};
use serde_json::Value;

use super::scrape::Scrape;
use super::{PATIENCE, until};

/// What a process says of itself: the status, and the names of what is not as it must be.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    status: u16,
    faults: Vec<String>,
    body: Value,
}

async fn ask(base: &str) -> anyhow::Result<Said> {
    let response = posthaste_tests::http::get(format!("{base}/readyz")).await?;
    let (status, body): (_, Value) = (response.status().as_u16(), response.json().await?);
    let checks = body["checks"].as_array().context("checks")?;
    let faults = checks.iter().filter(|check| check["ok"] == false).filter_map(|check| Some(check["name"].as_str()?.to_owned())).collect();
    Ok(Said { status, faults, body })
}

/// Waits until it says this, and that its metrics say the same.
async fn says(base: &str, status: u16, faults: &[&str]) -> anyhow::Result<Said> {
    let what = format!("{status} because of {faults:?}");
    let said = until(&what, async || ask(base).await, |said| said.status == status && said.faults == faults).await?;
    let told = |scrape: &Scrape| {
        ["database", "schema", "broker", "relay", "views", "redis", "draining"].into_iter().all(|check| {
            let fault = scrape.get(&format!("check{{check=\"{check}\"}}")).is_ok_and(|value| value == 0.0);
            fault == faults.contains(&check)
        })
    };
    until(&format!("metrics that say {faults:?}"), async || Scrape::of(base).await, told).await?;
    Ok(said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_says_which_of_its_dependencies_is_gone_and_when_it_is_back() -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let sandbox = Sandbox::new("readiness").await?;
    migrate(&sandbox).await?;
    let (postgres, rabbitmq) = (Proxy::before(&sandbox.postgres_server_url()).await?, Proxy::before(&sandbox.rabbitmq_url()).await?);
    let mut redis = Redis::start(scratch.path().join("redis")).await?;
    let settings = NodeSettings::distributed(&sandbox)
        .with("POSTGRES__URL", postgres.url())
        .with("RABBITMQ__URL", rabbitmq.url())
        .with("REDIS__URL", redis.url());
    let mut node = Node::start("the node", settings).await?;
    let base = node.base();
    let said = says(&base, 200, &[]).await?;
    let checks: Vec<_> = said.body["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    ensure!(checks == ["database", "relay", "views", "schema", "redis", "broker", "draining"], "{checks:?}");

    // Nothing that is durable needs it.
    redis.kill().await?;
    says(&base, 200, &["redis"]).await?;
    let alice = User::register(&base, "alice").await.context("without Redis")?;
    redis.restart().await?;
    says(&base, 200, &[]).await?;

    rabbitmq.refuse();
    says(&base, 503, &["broker"]).await?;
    rabbitmq.pass();
    says(&base, 200, &[]).await?;

    postgres.refuse();
    let gone = says(&base, 503, &["database", "schema"]).await?;
    ensure!(!gone.body.to_string().contains("127.0.0.1"), "an address is shown: {gone:?}");
    postgres.pass();
    says(&base, 200, &[]).await?;

    // Somebody puts an older database in its place.
    let owner = sandbox.postgres_owner_url();
    let (client, connection) = tokio_postgres::connect(&owner, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let taken = "CREATE TABLE newest AS SELECT * FROM refinery_schema_history ORDER BY version DESC LIMIT 1";
    client.batch_execute(&format!("{taken}; DELETE FROM refinery_schema_history WHERE version IN (SELECT version FROM newest)")).await?;
    says(&base, 503, &["schema"]).await?;
    client.batch_execute("INSERT INTO refinery_schema_history SELECT * FROM newest; DROP TABLE newest").await?;
    says(&base, 200, &[]).await?;
    alice.log_in(&base).await?;
    node.still_runs()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_says_that_relay_and_views_are_too_far_behind_until_they_are_not() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("lag").await?;
    migrate(&sandbox).await?;
    let settings = NodeSettings::distributed(&sandbox).with("READINESS__RELAY_LAG", "10").with("READINESS__VIEW_LAG", "20");
    let serving = Node::start("serving", settings.clone().roles("api")).await?;
    let base = serving.base();
    says(&base, 200, &[]).await?;
    // Counted as it happens, by the only process that appends.
    let head = async || Scrape::of(&base).await?.get("events_appended_total");
    while head().await? <= 10.0 {
        User::enrol(&base, "newcomer").await?;
    }
    says(&base, 503, &["relay"]).await?;
    let relay = async || -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&run_posthaste(&settings, &["relay", "status", "--json"]).await?.stdout)?)
    };
    let status = relay().await?;
    ensure!(status["leader"].is_null() && status["beyond_head"] == false && status["checkpoint"] == 0, "{status}");
    ensure!(
        status["lag"].as_u64() > Some(10) && status["lag"] == status["head"] && status["unconfirmed_at_most"] == status["lag"],
        "{status}"
    );
    let words = String::from_utf8(run_posthaste(&settings, &["relay", "status"]).await?.stdout)?;
    ensure!(words.starts_with("nobody relays") && words.contains("posthaste_relay_unconfirmed"), "{words}");
    while head().await? <= 20.0 {
        User::enrol(&base, "newcomer").await?;
    }
    let said = says(&base, 503, &["relay", "views"]).await?;
    ensure!(said.body.to_string().contains("timeline") && said.body.to_string().contains("people"), "{said:?}");
    let projecting = Node::start("projecting", settings.clone().roles("projector")).await?;
    says(&base, 503, &["relay"]).await.with_context(|| projecting.logs())?;
    let mut relaying = Node::start("relaying", settings.clone().roles("relay")).await?;
    says(&base, 200, &[]).await?;
    let level = |status: &Value| status["lag"] == 0 && status["leader"].is_string();
    until("a relay that has caught up", async || relay().await, level).await?;
    ensure!(relaying.terminate().await?.success());
    let (owner, connection) = tokio_postgres::connect(&sandbox.postgres_owner_url(), tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    owner.batch_execute("UPDATE relay_lease SET checkpoint = checkpoint + 1000").await?;
    let status = relay().await?;
    ensure!(status["beyond_head"] == true && status["lag"] == 0 && status["leader"].is_null(), "{status}");
    let words = String::from_utf8(run_posthaste(&settings, &["relay", "status"]).await?.stdout)?;
    ensure!(words.contains("beyond the log"), "{words}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_being_stopped_says_so_to_whoever_connects_and_is_never_ready_again() -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    let settings = NodeSettings::embedded(&folder.path().join("data"));
    let settings = settings.with("GATEWAY__DRAIN_SPREAD_S", "1").with("SERVER__DRAIN_GRACE_S", "5");
    let mut node = Node::start("the node", settings).await?;
    let base = node.base();
    let alice = Arc::new(User::register(&base, "alice").await?);
    let phone = Device::connect(&alice, std::slice::from_ref(&base), Position::START, &History::default());
    phone.live_on(&base, PATIENCE).await?;
    says(&base, 200, &[]).await?;
    let asked = async {
        // Each on a connection of its own. What is asked before the signal has arrived counts for nothing.
        let draining = |said: &Said| said.status == 503 && said.faults == ["draining"];
        until("a new connection that is told of the stop", async || ask(&base).await, draining).await?;
        // Somebody who was still sent here is served, or told to go on.
        alice.log_in(&base).await.context("in the grace")?;
        let mut socket = Socket::open(&base).await?;
        let closed = loop {
            match socket.next().await? {
                Incoming::Frame(frame) => ensure!(frame["code"] == "draining", "{frame}"),
                closed @ (Incoming::Closed(..) | Incoming::Cut) => break closed,
            }
        };
        ensure!(closed == Incoming::Closed(4000, "draining".to_owned()), "{closed:?}");
        until("an end of the grace", async || Ok(ask(&base).await.ok()), |said| said.as_ref().is_none_or(|said| !draining(said))).await
    };
    let (stopped, last) = tokio::join!(node.terminate(), asked);
    let last = last?;
    ensure!(stopped?.success() && last.is_none(), "ready again: {last:?}");
    drop(phone);
    Ok(())
}
