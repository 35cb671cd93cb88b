//! Who does it all.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep};

use super::load::Load;
use super::world::World;
use super::{Blow, Doing, Fault, Recovery, Setting, Turn, schedule};
use crate::Node;
use crate::proxy::{Proxy, Way};
use crate::services::connect;

/// How many times what is done "a few times" is done.
const ROUNDS: usize = 8;
/// How long a connection that is to be cut after some bytes may take to carry them.
const CARRY: Duration = Duration::from_millis(250);
/// How often something is looked at again.
const POLL: Duration = Duration::from_millis(5);

/// What must be done so that a blow is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cure {
    /// Bytes pass again.
    Pass,
    StartPostgres,
    StartRabbitmq,
    /// Every process that was stopped goes on.
    Resume,
    /// Every process that was killed is started again.
    Start,
}

/// At work on a world.
pub(super) struct Nemesis<'a> {
    setting: Setting,
    world: &'a mut World,
    load: &'a Load,
    doing: Doing,
}

impl<'a> Nemesis<'a> {
    pub(super) fn new(setting: Setting, world: &'a mut World, load: &'a Load, doing: Doing) -> Self {
        Self { setting, world, load, doing }
    }

    /// Goes through the schedule, and sees the service recover from every turn.
    pub(super) async fn work(&mut self) -> anyhow::Result<Vec<Recovery>> {
        let begun = Instant::now();
        let (mut recoveries, mut done) = (Vec::new(), BTreeSet::new());
        for Turn { calm, blows } in schedule(&self.setting) {
            if begun.elapsed().as_secs() >= self.setting.seconds && done.len() == Fault::ALL.len() {
                break;
            }
            sleep(calm).await;
            let names: Vec<_> = blows.iter().map(|blow| blow.fault.name()).collect();
            self.load.spread(recoveries.len()).await.with_context(|| format!("before {}", names.join(" and ")))?;
            self.doing.set(format!("after {} turns: {}", recoveries.len(), names.join(" and ")));
            let recovery = self.turn(&blows).await.with_context(|| names.join(" and "))?;
            done.extend(recovery.faults.iter().copied());
            recoveries.push(recovery);
        }
        Ok(recoveries)
    }

    async fn turn(&mut self, blows: &[Blow]) -> anyhow::Result<Recovery> {
        let mut cures = Vec::new();
        let struck = Instant::now();
        // A service that is stopped can only be hurt before.
        let stops = |blow: &Blow| matches!(blow.fault, Fault::PostgresRestarted | Fault::RabbitmqRestarted);
        for blow in blows.iter().filter(|blow| !stops(blow)).chain(blows.iter().filter(|blow| stops(blow))) {
            cures.extend(self.strike(blow).await?);
        }
        cures.sort_unstable();
        // What took its time to do was there from its beginning.
        let done = struck.elapsed();
        let lasts = blows.iter().map(|blow| blow.lasts).max().unwrap_or_default();
        let world = &mut *self.world;
        let cured = async {
            sleep(lasts).await;
            for cure in cures {
                heal(world, cure).await.with_context(|| format!("{cure:?}"))?;
            }
            anyhow::Ok(struck.elapsed())
        };
        let ((ok, pushed), lasted) = tokio::try_join!(self.load.recovers(), cured)?;
        for node in self.world.nodes_mut() {
            node.still_runs()?;
        }
        Ok(Recovery { faults: blows.iter().map(|blow| blow.fault).collect(), lasted, ok: done + ok, pushed: done + pushed })
    }

    /// Does it, and says what ends it.
    async fn strike(&mut self, blow: &Blow) -> anyhow::Result<Option<Cure>> {
        let mut randomness = blow.randomness();
        let world = &mut *self.world;
        let one = randomness.random_range(0..world.gateways.len());
        Ok(match blow.fault {
            Fault::GatewayKilled => kill([&mut world.gateways[one]])?,
            Fault::RelayKilled => kill([active(&mut world.relays)?])?,
            Fault::ProjectorKilled => kill([&mut world.projectors[one]])?,
            Fault::EverythingKilled => kill(world.nodes_mut())?,
            Fault::GatewayPaused => pause(&world.gateways[one]),
            Fault::RelayPaused => pause(active(&mut world.relays)?),
            Fault::ProjectorPaused => pause(&world.projectors[one]),
            Fault::RabbitmqRestarted => {
                let rabbitmq = &mut world.services.rabbitmq;
                if randomness.random() {
                    rabbitmq.kill().await?
                } else {
                    rabbitmq.stop().await?
                }
                Some(Cure::StartRabbitmq)
            }
            Fault::PostgresRestarted => {
                let postgres = &mut world.services.postgres;
                if randomness.random() {
                    postgres.kill().await?
                } else {
                    postgres.stop().await?
                }
                Some(Cure::StartPostgres)
            }
            Fault::QueuesDeleted => {
                let all = format!(
                    "length([rabbit_amqqueue:delete(Q, false, false, <<\"chaos\">>) || Q <- rabbit_amqqueue:list(<<\"{}\">>)]).",
                    world.sandbox.name()
                );
                let deleted: usize = world.services.rabbitmq.control(&["eval", &all]).await?.trim().parse()?;
                ensure!(deleted > 0 || self.load.is_disturbed(), "there were no queues");
                None
            }
            Fault::BackendsTerminated => {
                terminate_backends(&world.sandbox.postgres_owner_url(), &mut randomness).await?;
                None
            }
            Fault::RedisEmptied => {
                let mut redis = redis::Client::open(world.sandbox.redis_url())?.get_multiplexed_async_connection().await?;
                redis::cmd("FLUSHALL").query_async::<()>(&mut redis).await?;
                None
            }
            Fault::PostgresCut => cut(&[&world.to_postgres], &mut randomness).await,
            Fault::RabbitmqCut => cut(&[&world.to_rabbitmq], &mut randomness).await,
            Fault::RedisCut => cut(&[&world.to_redis], &mut randomness).await,
            Fault::ClientsCut => cut(&world.fronts.iter().collect::<Vec<_>>(), &mut randomness).await,
            Fault::PostgresStalled => stall(&world.to_postgres),
            Fault::RabbitmqStalled => stall(&world.to_rabbitmq),
            Fault::ClientsStalled => stall(&world.fronts[one]),
        })
    }
}

async fn heal(world: &mut World, cure: Cure) -> anyhow::Result<()> {
    match cure {
        Cure::Pass => {
            for proxy in world.proxies() {
                proxy.pass();
            }
        }
        Cure::StartPostgres => world.services.postgres.restart().await?,
        Cure::StartRabbitmq => world.services.rabbitmq.restart().await?,
        Cure::Resume => world.nodes().for_each(Node::resume),
        Cure::Start => {
            let killed = world.nodes_mut().filter(|node| !node.runs());
            futures::future::try_join_all(killed.map(Node::restart)).await?;
        }
    }
    Ok(())
}

/// Kills those that were not killed already.
fn kill<'n>(nodes: impl IntoIterator<Item = &'n mut Node>) -> anyhow::Result<Option<Cure>> {
    nodes.into_iter().filter(|node| node.runs()).try_for_each(Node::kill9)?;
    Ok(Some(Cure::Start))
}

fn pause(node: &Node) -> Option<Cure> {
    node.pause();
    Some(Cure::Resume)
}

fn stall(proxy: &Proxy) -> Option<Cure> {
    proxy.stall();
    Some(Cure::Pass)
}

/// The relay that has said last that it has the lease.
fn active(relays: &mut [Node]) -> anyhow::Result<&mut Node> {
    relays.iter_mut().max_by_key(|relay| relay.epoch()).context("there are no relays")
}

/// Breaks off what the servers are doing there, and some that do nothing.
async fn terminate_backends(owner: &str, randomness: &mut StdRng) -> anyhow::Result<()> {
    let owner = connect(owner).await?;
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE usename = 'posthaste_server' AND (state <> 'idle' OR random() < 0.3)";
    for _ in 0..ROUNDS {
        owner.query_one(terminate, &[]).await?;
        sleep(Duration::from_millis(randomness.random_range(20..120))).await;
    }
    Ok(())
}

/// Has every connection cut after some bytes one way or the other, more than once.
async fn cut(proxies: &[&Proxy], randomness: &mut StdRng) -> Option<Cure> {
    let cuts = || proxies.iter().map(|proxy| proxy.traffic().cut).sum::<u64>();
    for _ in 0..ROUNDS {
        let (before, until) = (cuts(), Instant::now() + CARRY);
        for proxy in proxies {
            let way = if randomness.random() { Way::ToServer } else { Way::ToClient };
            proxy.cut_each_after(way, || {
                // Nothing of the next answer at all, within a frame, within what is read at once.
                let most = [1, 64, 1_024, 16_384][randomness.random_range(0..4)];
                randomness.random_range(0..most)
            });
        }
        while cuts() == before && Instant::now() < until {
            sleep(POLL).await;
        }
        sleep(Duration::from_millis(randomness.random_range(0..60))).await;
    }
    // Those that have carried too little.
    for proxy in proxies {
        proxy.cut();
    }
    None
}
