//! Two nodes and a relay, over services of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures::StreamExt as _;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use posthaste_tests::deadline::Deadline;
use posthaste_tests::history::{Log, check};
use posthaste_tests::node::{migrate, run_posthaste};
use posthaste_tests::rules::breaches;
use posthaste_tests::{Node, NodeSettings, Sandbox, Services, opened};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, NoTls};

use crate::talk::{LIMIT, PATIENCE, Progress, Talk};

/// Messages each way during each of the four misfortunes: 2,000 in all.
const MESSAGES: usize = 500;
/// How often something is looked at again.
const POLL: Duration = Duration::from_millis(20);

/// What it all runs on.
struct World {
    a: Node,
    b: Node,
    relays: Vec<Node>,
    relay: NodeSettings,
    owner: Client,
    sandbox: Sandbox,
    // Dropped last.
    services: Services,
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let services = Services::start().await?;
        let sandbox = Sandbox::on(services.endpoints(), "scenario").await?;
        migrate(&sandbox).await?;
        let settings = NodeSettings::distributed(&sandbox).with("GATEWAY__HEARTBEAT_S", "2").with("RELAY__LEASE_S", "2");
        let (node, relay) = (settings.clone().roles("api,gateway,projector"), settings.roles("relay"));
        let (a, b, first) = tokio::try_join!(
            Node::start("node A", node.clone()),
            Node::start("node B", node.clone()),
            Node::start("relay 1", relay.clone()),
        )?;
        let (owner, connection) = tokio_postgres::connect(&sandbox.postgres_owner_url(), NoTls).await?;
        tokio::spawn(connection);
        Ok(Self { a, b, relays: vec![first], relay, owner, sandbox, services })
    }

    fn every_node(&mut self) -> impl Iterator<Item = &mut Node> {
        [&mut self.a, &mut self.b].into_iter().chain(&mut self.relays)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_nodes_relays_and_services_die() -> anyhow::Result<()> {
    let _deadline = Deadline::new("the distributed scenario", LIMIT);
    let mut world = World::start().await?;
    let (a, b) = (world.a.base(), world.b.base());
    let mut talk = Talk::begin(&[a.clone(), b.clone()], &[b.clone(), a.clone()]).await?;

    node_b_is_killed(&mut world, &mut talk).await?;
    relays_are_killed(&mut world, &mut talk).await?;
    rabbitmq_is_stopped(&mut world, &mut talk).await?;
    postgresql_backends_are_terminated(&mut world, &mut talk).await?;

    let history = talk.come_to_rest(&b).await?;
    for node in world.every_node() {
        node.still_runs()?;
        let status = node.terminate().await?;
        ensure!(status.success(), "told to stop, it ended with {status}: {}", node.logs());
        ensure!(!node.logs().contains("panicked"), "{}", node.logs());
    }
    let log = Log::read(&opened::of_sandbox(&world.sandbox).await?).await?;
    let counts = check(&history.entries(), &log).clean()?;
    let breaches = breaches(&log.events);
    ensure!(breaches.is_empty(), "{breaches:#?}");
    println!("distributed: {counts}");
    ensure!(counts.sent == 8 * MESSAGES && counts.ok == counts.sent && counts.devices == 5, "{counts}");
    ensure!(counts.retries > 0 && counts.duplicates > 0, "nothing was ever cut off in the middle: {counts}");
    let verified = run_posthaste(&NodeSettings::distributed(&world.sandbox), &["log", "verify"]).await?;
    ensure!(verified.status.success(), "{verified:?}");
    Ok(())
}

/// (i) Node B is killed, a few times; Bob goes on at node A, and comes back when B does.
async fn node_b_is_killed(world: &mut World, talk: &mut Talk) -> anyhow::Result<()> {
    let (a, b) = (world.a.base(), world.b.base());
    let died = async |talk: &Talk, mut progress: Progress| {
        let mut kills = 0;
        while kills < 3 || !talk.was_cut_off() {
            kills += 1;
            progress.amid_a_burst().await?;
            world.b.kill9()?;
            tokio::try_join!(talk.phone.live_on(&a, PATIENCE), talk.laptop.live_on(&a, PATIENCE))?;
            progress.answers(20).await?;
            world.b.restart().await?;
            talk.phone.cut();
            talk.laptop.cut();
            tokio::try_join!(talk.phone.live_on(&b, PATIENCE), talk.laptop.live_on(&b, PATIENCE))?;
        }
        Ok(())
    };
    talk.during("node B is killed", MESSAGES, Duration::from_millis(15), died).await
}

/// (ii) The active relay is killed between publish and checkpoint, until one was caught there for sure; a second one takes over.
async fn relays_are_killed(world: &mut World, talk: &mut Talk) -> anyhow::Result<()> {
    let feed = Feed::listen(&world.sandbox).await?;
    world.relays.push(Node::start("relay 2", world.relay.clone()).await?);
    let died = async |_: &Talk, mut progress: Progress| {
        let mut proven = 0;
        for kill in 0.. {
            progress.answers(MESSAGES / 5).await.with_context(|| format!("{kill} relays were killed, {proven} of them between"))?;
            progress.amid_a_burst().await?;
            let before = lease(&world.owner).await?;
            let mut active = active_relay(&mut world.relays, before.epoch).await?;
            active.kill9()?;
            if feed.is_ahead_of_the_checkpoint(&world.owner, before.epoch).await? {
                proven += 1;
            }
            taken_over(&world.owner, before).await?;
            world.relays.push(Node::start(&format!("relay {}", kill + 3), world.relay.clone()).await?);
            if proven > 0 {
                println!("{} relays killed, {proven} of them between publish and checkpoint", kill + 1);
                return Ok(());
            }
        }
        Ok(())
    };
    talk.during("the relay is killed", MESSAGES, Duration::from_millis(10), died).await
}

/// (iii) RabbitMQ is gone for five seconds.
async fn rabbitmq_is_stopped(world: &mut World, talk: &mut Talk) -> anyhow::Result<()> {
    let stopped = async |_: &Talk, mut progress: Progress| {
        progress.answers(MESSAGES / 5).await?;
        world.services.rabbitmq.stop().await?;
        // What is said meanwhile is answered, and arrives, without it.
        progress.answers(MESSAGES / 5).await?;
        sleep(Duration::from_secs(5)).await;
        world.services.rabbitmq.restart().await
    };
    talk.during("RabbitMQ is stopped", MESSAGES, Duration::from_millis(25), stopped).await?;
    // And the relay comes back to it by itself.
    let head: i64 = world.owner.query_one("SELECT position FROM log_head ORDER BY position DESC LIMIT 1", &[]).await?.get(0);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let Lease { checkpoint, .. } = lease(&world.owner).await?;
        if checkpoint >= head {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the log is at {head}, the relay at {checkpoint}");
        sleep(POLL).await;
    }
}

/// (iv) Whatever the servers do in PostgreSQL is broken off, commits included, as often as something is said.
async fn postgresql_backends_are_terminated(world: &mut World, talk: &mut Talk) -> anyhow::Result<()> {
    let terminate = "SELECT count(*) FROM (
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'posthaste_server' AND (state <> 'idle' OR random() < 0.3)
    ) AS terminated";
    let terminated = async |_: &Talk, mut progress: Progress| {
        let mut backends = 0;
        while !progress.is_over() && progress.amid_a_burst().await.is_ok() {
            backends += world.owner.query_one(terminate, &[]).await?.get::<_, i64>(0);
            sleep(Duration::from_millis(100)).await;
        }
        Ok(backends)
    };
    let backends = talk.during("PostgreSQL backends are terminated", MESSAGES, Duration::from_millis(10), terminated).await?;
    // The servers' own retries hide it from the clients, so it is their logs that show it.
    let cut = [&world.a, &world.b].iter().map(|node| node.logs().matches("append outcome unknown").count()).sum::<usize>();
    println!("{backends} backends terminated, {cut} appends cut off");
    ensure!(backends >= 30 && cut > 0, "{backends} backends were terminated, and {cut} appends cut off");
    Ok(())
}

/// The relay's row.
#[derive(Clone, Copy, Debug)]
struct Lease {
    epoch: i64,
    held: bool,
    checkpoint: i64,
}

async fn lease(owner: &Client) -> anyhow::Result<Lease> {
    let row = owner.query_one("SELECT epoch, holder IS NOT NULL AND expires_at > now(), checkpoint FROM relay_lease", &[]).await?;
    Ok(Lease { epoch: row.get(0), held: row.get(1), checkpoint: row.get(2) })
}

/// Takes the relay that has said that it holds the lease of this epoch from among the others.
async fn active_relay(relays: &mut Vec<Node>, epoch: i64) -> anyhow::Result<Node> {
    let says_so = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        line["fields"]["message"] == "relaying" && line["fields"]["epoch"] == epoch
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(index) = relays.iter().position(|relay| relay.logs().lines().any(says_so)) {
            return Ok(relays.remove(index));
        }
        ensure!(Instant::now() < deadline, "no relay says that it has epoch {epoch}: {}", relays[0].logs());
        sleep(POLL).await;
    }
}

/// Waits until another relay has the lease and gets on.
async fn taken_over(owner: &Client, before: Lease) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = lease(owner).await?;
        if now.epoch > before.epoch && now.held && now.checkpoint > before.checkpoint {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "nobody took over: {before:?} and now {now:?}");
        sleep(POLL).await;
    }
}

/// A queue of the test's own beside those of the gateways.
struct Feed {
    /// The furthest position that was published.
    published: Arc<AtomicU64>,
    // Kept open.
    _connection: Connection,
    listening: JoinHandle<anyhow::Result<()>>,
}

impl Feed {
    async fn listen(sandbox: &Sandbox) -> anyhow::Result<Self> {
        let connection = Connection::connect(&sandbox.rabbitmq_url(), ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let queue = channel.queue_declare("".into(), options, FieldTable::default()).await?;
        let name = queue.name().clone();
        channel.queue_bind(name.clone(), "posthaste.feed".into(), "".into(), QueueBindOptions::default(), FieldTable::default()).await?;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let mut consumer = channel.basic_consume(name, "".into(), options, FieldTable::default()).await?;
        let published = Arc::new(AtomicU64::new(0));
        let furthest = Arc::clone(&published);
        let listening = tokio::spawn(async move {
            while let Some(delivery) = consumer.next().await {
                let delivery = delivery?;
                let run = delivery.properties.message_id().as_ref().context("a run has an id")?.as_str();
                let (first, last) = run.split_once('-').with_context(|| format!("the id {run:?}"))?;
                let (first, last): (u64, u64) = (first.parse()?, last.parse()?);
                ensure!(0 < first && first <= last, "the id {run:?}");
                furthest.fetch_max(last, Ordering::Relaxed);
            }
            Ok(())
        });
        Ok(Self { published, _connection: connection, listening })
    }

    /// Whether a relay that is dead, and whose epoch still stands, has published more than its checkpoint covers. What it published may
    /// still be on its way here.
    async fn is_ahead_of_the_checkpoint(&self, owner: &Client, epoch: i64) -> anyhow::Result<bool> {
        let deadline = Instant::now() + Duration::from_millis(500);
        loop {
            if self.listening.is_finished() {
                bail!("the feed has ended");
            }
            // Looked at first: whoever takes over publishes only after the epoch has changed.
            let published = self.published.load(Ordering::Relaxed);
            let lease = lease(owner).await?;
            if lease.epoch != epoch {
                return Ok(false);
            }
            if i64::try_from(published)? > lease.checkpoint {
                return Ok(true);
            }
            if Instant::now() > deadline {
                return Ok(false);
            }
            sleep(POLL).await;
        }
    }
}
