//! Keeps the views.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::join_all;
use futures::join;
use posthaste_application::Ports;
use posthaste_application::meter::meters;
use posthaste_application::port::{EventLog, Tail};
use posthaste_application::project::{BATCH, ProjectError, Projector};
use posthaste_application::recorded::{Position, Recorded};
use posthaste_application::shared_tail::SharedTail;
use tokio::runtime::Handle;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{BackOff, POLL, pause};

/// How long a view that is nearly up to date lets events gather: what a reader may wait for, against a transaction for every few events.
const SETTLE: Duration = Duration::from_millis(10);

/// Keeps every view there is.
pub(crate) async fn project(tail: Arc<SharedTail>, ports: Ports, stopping: CancellationToken) -> anyhow::Result<()> {
    let projector = |projection| Projector::new(Arc::<SharedTail>::clone(&tail), Arc::clone(projection));
    let mut projectors: Vec<_> = ports.projections.iter().map(projector).collect();
    if stopping.run_until_cancelled(catch_up(&mut projectors, &ports.log, &tail)).await.is_none() {
        return Ok(());
    }
    let mut kept: JoinSet<_> = projectors.into_iter().map(|projector| keep(projector, ports.clone(), stopping.clone())).collect();
    while let Some(ended) = kept.join_next().await {
        ended.context("a projector has ended by itself")??;
    }
    Ok(())
}

/// Takes the views as far as they have a long way to go, which those in memory have at every start: side by side, so that each event is read
/// once and decoded once for all of them. While they take one batch in, the next is decoded and the one after it read.
async fn catch_up(projectors: &mut [Projector], log: &Arc<dyn EventLog>, tail: &SharedTail) {
    let mut next = Vec::new();
    loop {
        let furthest = projectors.iter().map(Projector::position).max().unwrap_or_default();
        let reading = read_ahead(log, tail, Position(furthest.0 + 2 * BATCH as u64));
        let taking = join_all(projectors.iter_mut().map(Projector::step));
        let (read, (), steps) = join!(reading, decode(next), taking);
        // Whatever else there is, they do each on its own.
        if steps.iter().any(|step| !matches!(step, Ok(BATCH))) {
            return;
        }
        next = read;
    }
}

/// Reads a batch, so that it is there for all who follow the log: in halves, each on a thread of its own, for to read and open an event takes longer
/// than all that is done with it then. What fails here fails again where it is needed.
async fn read_ahead(log: &Arc<dyn EventLog>, tail: &SharedTail, after: Position) -> Vec<Arc<Recorded>> {
    const HALF: usize = BATCH / 2;
    let halves = [after, Position(after.0 + HALF as u64)].map(|after| {
        let (log, runtime) = (Arc::clone(log), Handle::current());
        spawn_blocking(move || runtime.block_on(log.read(after, HALF)))
    });
    for half in join_all(halves).await {
        let Ok(Ok(events)) = half else { break };
        tail.recorded(events);
    }
    tail.read(after, BATCH).await.unwrap_or_default()
}

/// Decodes events, which stay decoded, on another thread.
async fn decode(events: Vec<Arc<Recorded>>) {
    let decode = move || events.iter().for_each(|event| drop(event.event()));
    if let Err(error) = spawn_blocking(decode).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "events were not decoded ahead of the views");
    }
}

/// Keeps one view.
async fn keep(mut projector: Projector, ports: Ports, stopping: CancellationToken) -> anyhow::Result<()> {
    let mut back_off = BackOff::new();
    while let Some(stepped) = stopping.run_until_cancelled(projector.step()).await {
        match stepped {
            Ok(BATCH) => back_off.reset(),
            Ok(taken) => {
                back_off.reset();
                if taken > 0 {
                    pause(SETTLE, &stopping).await;
                }
                // That was all there was; to look for more which nobody told of would find nothing, most of the time.
                stopping.run_until_cancelled(timeout(POLL, ports.log.grown(projector.position()))).await;
            }
            Err(error @ ProjectError::BeyondHead { .. }) => return Err(error.into()),
            Err(error) => {
                meters().view_failures.of(projector.view()).increment(1);
                tracing::warn!(error = &error as &dyn std::error::Error, view = projector.view(), "the view could not be kept");
                back_off.pause(&stopping).await;
            }
        }
    }
    Ok(())
}
