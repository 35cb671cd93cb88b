//! Five thousand devices lose their connections at once and come back: through a line, with their cursors, for next to nothing each.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use posthaste_tests::actor::{Socket, User, new_id};
use posthaste_tests::node::migrate;
use posthaste_tests::services::{Postgres, Scratch};
use posthaste_tests::{Endpoints, Node, NodeSettings, Sandbox};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, NoTls};

use crate::crowd::{Caught, Installation, connect_all, next, users};
use crate::{PATIENCE, alone};

const USERS: usize = 250;
const DEVICES: usize = 20;
/// How many are let in each second.
const RATE: usize = 400;
/// How many more it may be once, when the machine has kept the doors from opening for a moment.
const CAUGHT_UP: usize = RATE / 5;
/// What happens to others while the crowd is away: more than a device may be behind and go live without asking twice.
const MEANWHILE: usize = 1_500;

fn settings(settings: NodeSettings) -> NodeSettings {
    settings
        .with("GATEWAY__CONNECTS_PER_S", RATE.to_string())
        .with("GATEWAY__SOCKETS_PER_USER", DEVICES.to_string())
        // One process plays five thousand clients: it is slow to say hello.
        .with("GATEWAY__HELLO_TIMEOUT_S", "60")
        .with("LOG", "info,lapin=error,posthaste_infrastructure::ws=trace")
}

/// The crowd comes for the first time.
async fn gather(base: &str) -> anyhow::Result<(Vec<Installation>, Vec<Caught>)> {
    let users = users(base, "crowd", USERS).await?;
    let mut crowd: Vec<_> = users.iter().flat_map(|user| (0..DEVICES).map(|_| Installation::new(user))).collect();
    let connected = connect_all(base, &mut crowd).await?;
    for caught in &connected {
        ensure!(caught.events > 0, "to be registered is an event of one's own");
    }
    Ok((crowd, connected))
}

/// All connections are cut at once, and all come back.
async fn come_back(node: &Node, crowd: &mut [Installation], connected: Vec<Caught>) -> anyhow::Result<Vec<Caught>> {
    connected.into_iter().for_each(|caught| caught.socket.cut());
    let begun = Instant::now();
    let before = let_in(node)?.len();
    let connected = connect_all(&node.base(), crowd).await?;
    ensure!(connected.iter().all(|caught| caught.events == 0), "nothing was missed");
    let least = Duration::from_secs_f64((crowd.len() - CAUGHT_UP) as f64 / RATE as f64);
    ensure!(begun.elapsed() >= least, "{} devices were let in within {:?}", crowd.len(), begun.elapsed());
    check_rate(&let_in(node)?[before..], crowd.len())?;
    Ok(connected)
}

/// When somebody was let in, by the server's own account.
fn let_in(node: &Node) -> anyhow::Result<Vec<DateTime<Utc>>> {
    let mut times = Vec::new();
    for line in node.logs().lines().filter(|line| line.contains("\"let in\"")) {
        let line: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        times.push(line["timestamp"].as_str().context("a time")?.parse()?);
    }
    Ok(times)
}

/// In no second were there more than the rate, but for the little that is caught up with.
fn check_rate(times: &[DateTime<Utc>], count: usize) -> anyhow::Result<()> {
    ensure!(times.len() == count, "{} were let in, not {count}", times.len());
    let mut times = times.to_vec();
    times.sort_unstable();
    let mut most = 0;
    let mut first = 0;
    for (last, time) in times.iter().enumerate() {
        while *time - times[first] >= TimeDelta::seconds(1) {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    println!("{count} devices in {} ms, at most {most} in a second", (times[count - 1] - times[0]).num_milliseconds());
    ensure!(most <= RATE + CAUGHT_UP, "{most} were let in within a second");
    Ok(())
}

/// Two others talk.
async fn talk(base: &str) -> anyhow::Result<()> {
    let (alice, bob) = (User::register(base, "alice").await?, User::register(base, "bob").await?);
    alice.befriend(base, &bob).await?;
    let thread = alice.open_direct(base, &bob).await?;
    let me = alice.call(base, reqwest::Method::GET, "/v1/me", None).await?;
    let mut socket = Socket::hello(base, &alice, new_id(), json!({ "cursor": me["head"] })).await?;
    let (mut sent, mut answered) = (0, 0);
    while answered < MEANWHILE {
        while sent < MEANWHILE && sent < answered + 32 {
            sent += 1;
            let body = json!({ "thread": thread, "content": { "kind": "text", "text": "hi" } });
            socket.send(&json!({ "t": "cmd", "id": sent, "key": new_id(), "op": "message.post", "body": body })).await?;
        }
        let frame = next(&mut socket).await?;
        match frame["t"].as_str() {
            Some("ok") => answered += 1,
            Some("ev") => socket.send(&json!({ "t": "ack", "position": frame["position"] })).await?,
            Some("err") => anyhow::bail!("{frame}"),
            _ => {}
        }
    }
    Ok(())
}

#[tokio::test]
async fn five_thousand_devices_come_back_at_the_rate_and_without_an_error_embedded() -> anyhow::Result<()> {
    let _alone = alone().await;
    let data = Scratch::new()?;
    let node = Node::start("a node", settings(NodeSettings::embedded(&data.path().join("data")))).await?;
    let (mut crowd, connected) = gather(&node.base()).await?;
    come_back(&node, &mut crowd, connected).await.map(drop)
}

#[tokio::test]
async fn five_thousand_devices_come_back_with_two_statements_each_at_most() -> anyhow::Result<()> {
    let _alone = alone().await;
    // A database server of its own, which counts every statement.
    let scratch = Scratch::new()?;
    let mut postgres = Postgres::start(scratch.path().join("postgres")).await?;
    connect(&postgres.url("postgres")).await?.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'", &[]).await?;
    postgres.restart().await?;
    let sandbox = Sandbox::on(Endpoints { postgres: postgres.url("postgres"), ..Endpoints::from_env()? }, "storm").await?;
    migrate(&sandbox).await?;
    let owner = connect(&sandbox.postgres_owner_url()).await?;
    owner.execute("CREATE EXTENSION pg_stat_statements", &[]).await?;
    let node = Node::start("a node", settings(NodeSettings::distributed(&sandbox))).await?;
    let (mut crowd, connected) = gather(&node.base()).await?;
    stored(&owner, &crowd).await?;

    owner.execute("SELECT pg_stat_statements_reset()", &[]).await?;
    let connected = come_back(&node, &mut crowd, connected).await?;
    let counts = Counts::of(&owner).await?;
    counts.check(crowd.len(), crowd.len())?;

    // The same when the log has moved on for others meanwhile: whether anything was missed is one more question. Whoever is live acks that.
    talk(&node.base()).await?;
    owner.execute("SELECT pg_stat_statements_reset()", &[]).await?;
    come_back(&node, &mut crowd, connected).await?;
    stored(&owner, &crowd).await?;
    let counts = Counts::of(&owner).await?;
    counts.check(crowd.len(), 2 * crowd.len())
}

/// Waits until the store has every cursor as its device has it.
async fn stored(owner: &Client, crowd: &[Installation]) -> anyhow::Result<()> {
    let devices: Vec<_> = crowd.iter().map(Installation::device).collect();
    let sum: u64 = crowd.iter().filter_map(|installation| installation.cursor).sum();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let row = owner.query_one("SELECT coalesce(sum(position), 0)::bigint FROM cursors WHERE device_id = ANY($1)", &[&devices]).await?;
        let stored: i64 = row.get(0);
        if u64::try_from(stored)? == sum {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the cursors sum up to {stored} and not to {sum}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// How often each statement was carried out for the server.
struct Counts(BTreeMap<String, i64>);

impl Counts {
    async fn of(owner: &Client) -> anyhow::Result<Self> {
        let counted = owner
            .query(
                "SELECT query, sum(calls)::bigint FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
                 WHERE d.datname = current_database() AND s.userid = 'posthaste_server'::regrole GROUP BY query",
                &[],
            )
            .await?;
        Ok(Self(counted.iter().map(|row| (row.get(0), row.get(1))).collect()))
    }

    /// One to connect, and for the rest so many that no device can have asked twice. What is not for a device is for the time that passes.
    fn check(&self, devices: usize, at_most: usize) -> anyhow::Result<()> {
        let (devices, at_most) = (i64::try_from(devices)?, i64::try_from(at_most)?);
        let calls = |part: &str| self.0.iter().filter(|(query, _)| query.contains(part)).map(|(_, calls)| calls).sum::<i64>();
        let (connects, reads) = (calls("INSERT INTO cursors AS known"), calls("owed AS MATERIALIZED"));
        let rest = self.0.values().sum::<i64>() - connects - reads;
        println!("{devices} devices: {connects} to connect, {reads} to read what was missed, {rest} for everything else");
        ensure!(connects == devices, "{connects} to connect {devices}: {:?}", self.0);
        ensure!(connects + reads <= at_most, "{connects} and {reads} for {devices}: {:?}", self.0);
        // Acks in batches, lease, head and views, some of them every few milliseconds.
        let each = devices / 4;
        let others =
            self.0.iter().filter(|(query, _)| !query.contains("INSERT INTO cursors AS known") && !query.contains("owed AS MATERIALIZED"));
        for (query, calls) in others {
            ensure!(*calls < each, "{calls} times: {query}");
        }
        Ok(())
    }
}

async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
