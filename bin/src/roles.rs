//! What a process does: each role is a loop or a server, all under one token. A loop calls one `step` again and again; wake-ups, pauses
//! and back-off are here, and nowhere else.

pub(crate) mod dead;
pub(crate) mod deletions;
pub(crate) mod mail;
pub(crate) mod presence;
pub(crate) mod projectors;
pub(crate) mod seals;
pub(crate) mod webhooks;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use posthaste_application::Ports;
use posthaste_application::deliver::{self, AckWriter, Feed, Hub, Listener};
use posthaste_application::port::{Clock, Cursors, Tail};
use posthaste_application::read::ReadWriter;
use posthaste_application::relay::{Relay, RelayError, RelayStep, RelayTiming};
use posthaste_application::signal::SignalWriter;
use posthaste_infrastructure::prometheus::Prometheus;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// A part of the work that a process can take on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Role {
    /// REST.
    Api,
    /// Sockets.
    Gateway,
    /// From the log to the broker.
    Relay,
    /// From the log to the views.
    Projector,
    /// From the log to other people's servers.
    Webhooks,
    /// From the queue of mails to those who read them.
    Mail,
}

impl Role {
    /// Every role.
    pub(crate) const ALL: [Self; 6] = [Self::Api, Self::Gateway, Self::Relay, Self::Projector, Self::Webhooks, Self::Mail];
}

/// How often the log is looked at when nothing wakes us: a lost wake-up costs this much latency and nothing else.
const POLL: Duration = Duration::from_millis(500);
/// How often the gateway looks at the log itself, whatever the broker says.
const LOOK: Duration = Duration::from_secs(1);
/// How long acknowledgements are gathered.
const GATHER: Duration = Duration::from_millis(50);
/// How often what was measured is put into its buckets.
const GATHER_MEASURES: Duration = Duration::from_secs(5);
/// How long a device may take to acknowledge what was sent to it before it is written down that it was sent.
const UNACKED: Duration = Duration::from_millis(500);
/// How long reads are gathered: what a reader waits for the answer, against an event for every look at a screen.
const BURST: Duration = Duration::from_millis(300);
/// How long signals that are due together are gathered: what somebody who types is ahead of those who see it.
const PASSING: Duration = Duration::from_millis(50);
/// How often the store is asked whether devices that are connected here have connected elsewhere since, for want of a sooner sign, and
/// about how many at once.
const NEWER: (Duration, usize) = (Duration::from_secs(2), 1_000);
/// The first and the longest pause after a failure.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Pauses that double with every failure in a row.
struct BackOff(Duration);

impl BackOff {
    const fn new() -> Self {
        Self(BACK_OFF.0)
    }

    const fn reset(&mut self) {
        self.0 = BACK_OFF.0;
    }

    async fn pause(&mut self, stopping: &CancellationToken) {
        pause(self.next(), stopping).await;
    }

    /// The pause, to be made by the caller.
    fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (self.0 * 2).min(BACK_OFF.1);
        now
    }
}

async fn pause(duration: Duration, stopping: &CancellationToken) {
    stopping.run_until_cancelled(sleep(duration)).await;
}

/// Writes acknowledgements, and what was sent and is not acknowledged; the last of both when stopping.
pub(crate) async fn write_acks(mut writer: AckWriter, clock: Arc<dyn Clock>, stopping: CancellationToken) {
    let mut back_off = BackOff::new();
    let mut looks = interval(UNACKED / 2);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let write = async {
            tokio::select! {
                () = writer.arrived() => {}
                _ = looks.tick() => {}
            }
            writer.flush().await?;
            writer.mark_sent(clock.now() - UNACKED).await
        };
        let Some(written) = stopping.run_until_cancelled(write).await else { break };
        match written {
            Ok(_) => {
                back_off.reset();
                pause(GATHER, &stopping).await;
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cursors could not be written");
                back_off.pause(&stopping).await;
            }
        }
    }
    if let Err(error) = writer.flush().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the last acknowledgements were lost; their events will be pushed again");
    }
    if let Err(error) = writer.mark_sent(DateTime::<Utc>::MAX_UTC).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "when the last events were sent is not known");
    }
}

/// Puts what was measured into its buckets, so that it does not pile up between two who look.
pub(crate) async fn gather(prometheus: Prometheus, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        pause(GATHER_MEASURES, &stopping).await;
        prometheus.gather();
    }
}

/// Carries out reads, the last ones when stopping.
pub(crate) async fn write_reads(mut writer: ReadWriter, stopping: CancellationToken) {
    while stopping.run_until_cancelled(writer.arrived()).await.is_some() {
        pause(BURST, &stopping).await;
        writer.step().await;
    }
    writer.step().await;
}

/// Tells other nodes what happens here in passing. What cannot be told is lost, and nobody waits for it.
pub(crate) async fn tell(mut writer: SignalWriter, stopping: CancellationToken) {
    while stopping.run_until_cancelled(writer.arrived()).await.is_some() {
        pause(PASSING, &stopping).await;
        if let Err(error) = writer.step().await {
            tracing::debug!(error = &error as &dyn std::error::Error, "signals were lost");
        }
    }
}

/// Listens to what other nodes tell in passing.
pub(crate) async fn listen(mut listener: Listener, stopping: CancellationToken) {
    let mut back_off = BackOff::new();
    let mut interrupted = false;
    while let Some(heard) = stopping.run_until_cancelled(listener.step()).await {
        match heard {
            Ok(()) => {
                if std::mem::take(&mut interrupted) {
                    tracing::info!("signals are heard again");
                }
                back_off.reset();
            }
            Err(error) => {
                if !std::mem::replace(&mut interrupted, true) {
                    tracing::warn!(error = &error as &dyn std::error::Error, "signals are not heard");
                }
                back_off.pause(&stopping).await;
            }
        }
    }
}

/// Feeds the hub.
pub(crate) async fn feed(mut feed: Feed, stopping: CancellationToken) {
    let mut back_off = BackOff::new();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut resubscribe_at = Instant::now();
    loop {
        let fed = tokio::select! {
            () = stopping.cancelled() => return,
            fed = feed.step(), if Instant::now() >= resubscribe_at => fed.map(|()| back_off.reset()),
            _ = looks.tick() => match timeout(LOOK * 5, feed.look()).await {
                Ok(looked) => looked,
                Err(_) => { tracing::warn!("the log did not answer in time"); Ok(()) }
            },
        };
        if let Err(error) = fed {
            tracing::warn!(error = &error as &dyn std::error::Error, "the feed was interrupted");
            resubscribe_at = Instant::now() + back_off.0;
            back_off.0 = (back_off.0 * 2).min(LOOK);
        }
    }
}

/// Lets go of connections of devices that have a newer one on another node.
pub(crate) async fn look_for_newer(hub: Arc<Hub>, cursors: Arc<dyn Cursors>, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        pause(NEWER.0, &stopping).await;
        for devices in hub.devices().chunks(NEWER.1) {
            let looked = stopping.run_until_cancelled(deliver::look_for_newer(&hub, &*cursors, devices)).await;
            if let Some(Err(error)) = looked {
                tracing::warn!(error = &error as &dyn std::error::Error, "older connections cannot be told from newer ones");
            }
            pause(NEWER.0 / 4, &stopping).await;
        }
    }
}

/// Relays, or stands by.
pub(crate) async fn relay(mut relay: Relay, ports: Ports, lease: Duration, stopping: CancellationToken) -> anyhow::Result<()> {
    let mut back_off = BackOff::new();
    loop {
        // A step that waits for the broker is begun again in time to renew the lease.
        let Some(stepped) = stopping.run_until_cancelled(timeout(lease / 4, relay.step())).await else { break };
        match stepped {
            Err(_) | Ok(Ok(RelayStep::Moved)) => back_off.reset(),
            Ok(Ok(RelayStep::Idle)) => {
                back_off.reset();
                let published = relay.published().unwrap_or_default();
                stopping.run_until_cancelled(timeout(POLL.min(lease / 4), ports.log.grown(published))).await;
            }
            Ok(Ok(RelayStep::Standby)) => pause(lease / 4, &stopping).await,
            Ok(Err(error @ RelayError::BeyondHead { .. })) => return Err(error.into()),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the relay starts again from its checkpoint");
                back_off.pause(&stopping).await;
            }
        }
    }
    relay.stop().await.context("the relay could not give its lease up; it runs out by itself")
}

/// Runs a part of the process; when it ends before it was asked to, the process stops.
pub(crate) async fn guard<F>(name: &'static str, stopping: CancellationToken, part: F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let ended = part.await.with_context(|| format!("the {name} has stopped"));
    stopping.cancel();
    ended
}

/// A relay of this log's end over these ports, under a name of its own.
pub(crate) fn new_relay(tail: Arc<dyn Tail>, ports: &Ports, timing: RelayTiming) -> Relay {
    Relay::new(tail, Arc::clone(&ports.relay), Arc::clone(&ports.broker), Arc::clone(&ports.clock), ports.ids.next(), timing)
}
