//! From the log to other people's servers: one loop takes in, and one for each endpoint sends.

use std::sync::Arc;
use std::time::Duration;

use posthaste_application::Ports;
use posthaste_application::webhooks::{Dispatch, Dispatcher, Intake, WebhookPorts};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{BackOff, guard, pause};

/// How often the log is looked at, whatever the queue says: what it has lost costs this much latency and nothing else.
const LOOK: Duration = Duration::from_secs(10);
/// How often an inbox is looked at when nothing wakes us: another node may have put something in, or an operator.
const POLL: Duration = Duration::from_secs(1);
/// How long what is being sent may take when the process stops. After that it is sent again by whoever is next.
const FINISH: Duration = Duration::from_secs(5);

/// Starts the loops.
pub(crate) fn spawn(webhooks: &WebhookPorts, ports: &Ports, stopping: &CancellationToken, front: &mut JoinSet<anyhow::Result<()>>) {
    let arrived = Arc::new(Notify::new());
    let endpoints = webhooks.endpoints.iter().map(|(endpoint, _)| endpoint.clone()).collect();
    let intake = Intake::new(Arc::clone(&webhooks.queue), Arc::clone(&webhooks.store), Arc::clone(&ports.log), endpoints);
    let taking = take_in(intake, Arc::clone(&arrived), stopping.clone());
    front.spawn(guard("webhook intake", stopping.clone(), async {
        taking.await;
        Ok(())
    }));
    for (endpoint, poster) in &webhooks.endpoints {
        let dispatcher = Dispatcher::new(
            endpoint.name.clone(),
            Arc::clone(&webhooks.store),
            Arc::clone(&ports.log),
            Arc::clone(poster),
            Arc::clone(&ports.clock),
            Arc::clone(&webhooks.randomness),
            ports.ids.next(),
            webhooks.patience,
        );
        let sending = dispatch(dispatcher, ports.clone(), Arc::clone(&arrived), webhooks.patience.lease, stopping.clone());
        front.spawn(guard("webhook dispatcher", stopping.clone(), async {
            sending.await;
            Ok(())
        }));
    }
}

async fn take_in(mut intake: Intake, arrived: Arc<Notify>, stopping: CancellationToken) {
    let mut back_off = BackOff::new();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut again_at = Instant::now();
    loop {
        let taken = tokio::select! {
            () = stopping.cancelled() => return,
            _ = looks.tick() => intake.look().await,
            taken = async { tokio::time::sleep_until(again_at).await; intake.step().await } => taken,
        };
        match taken {
            Ok(0) => {}
            Ok(_) => {
                back_off.reset();
                arrived.notify_waiters();
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "webhooks take nothing in for a moment");
                again_at = Instant::now() + back_off.next();
            }
        }
    }
}

async fn dispatch(mut dispatcher: Dispatcher, ports: Ports, arrived: Arc<Notify>, lease: Duration, stopping: CancellationToken) {
    let mut back_off = BackOff::new();
    while !stopping.is_cancelled() {
        let woken = arrived.notified();
        let stepped = tokio::select! {
            stepped = dispatcher.step() => stepped,
            () = async { stopping.cancelled().await; sleep(FINISH).await } => break,
        };
        let failed = stepped.is_err();
        match stepped {
            Ok(Dispatch::Sent(_)) => {}
            Ok(Dispatch::Idle) => {
                stopping.run_until_cancelled(timeout(POLL, woken)).await;
            }
            Ok(Dispatch::Until(due)) => pause((due - ports.clock.now()).to_std().unwrap_or_default().min(POLL), &stopping).await,
            Ok(Dispatch::Disabled) => pause(POLL, &stopping).await,
            Ok(Dispatch::Standby) => pause(lease / 4, &stopping).await,
            Err(error) => {
                let webhook = dispatcher.endpoint();
                tracing::warn!(error = &error as &dyn std::error::Error, webhook, "nothing is sent for a moment");
                back_off.pause(&stopping).await;
            }
        }
        if !failed {
            back_off.reset();
        }
    }
    let webhook = dispatcher.endpoint().to_owned();
    if let Err(error) = dispatcher.stop().await {
        tracing::warn!(error = &error as &dyn std::error::Error, webhook, "the lease could not be given up; it runs out by itself");
    }
}
