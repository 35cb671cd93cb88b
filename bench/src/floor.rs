//! What there is to compare with: the log port alone, and a socket that only echoes.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use posthaste_application::append::append_queue;
use posthaste_application::port::EventLog;
use posthaste_application::recorded::{Append, Check, Expected, StreamId};
use posthaste_domain::Category;
use posthaste_tests::bulk;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep_until;

use crate::counters::Counters;
use crate::histogram::Histogram;
use crate::machine;
use crate::measure::{quantiles, shares};
use crate::report::Figures;
use crate::stand::{Ground, Stand};

/// Bytes that are echoed: about as many as an event has.
const ECHOED: usize = 500;
const ECHOES: usize = 5_000;

/// The append queue over the log of a profile, in this process, with so many clients who each wait for one append at a time.
pub(crate) async fn append(ground: &Ground, clients: usize, measured: Duration, warm_up: Duration) -> anyhow::Result<Figures> {
    let stand = ground.stand().await?;
    let log = stand.log().await?;
    for opened in log.append(&bulk::threads()).await? {
        opened?;
    }
    let before = log.head().await?.position;
    let from = Instant::now() + warm_up;
    let to = from + measured;
    let Seen { histogram, machine, syncs, appended, batches } = load(&stand, &log, clients, from, to).await?;
    let head = log.head().await?.position;
    ensure!(head.0 == before.0 + appended, "{appended} appends were answered, and the log went from {before} to {head}");
    let mut figures = Figures::default();
    figures.add("events_per_s", histogram.count() as f64 / measured.as_secs_f64());
    figures.extend(quantiles("append", &histogram));
    figures.extend(shares(&machine));
    figures.add("append_batch_mean", appended as f64 / batches as f64);
    if let Some(syncs) = syncs {
        figures.add("postgresql_syncs_per_s", syncs / measured.as_secs_f64());
    }
    figures.add("proved_events", appended as f64);
    Ok(figures)
}

struct Seen {
    /// How long appends took in the measured time.
    histogram: Histogram,
    machine: [machine::Look; 2],
    syncs: Option<f64>,
    /// All that were answered, and in how many batches.
    appended: u64,
    batches: u64,
}

async fn load(stand: &Stand, log: &Arc<dyn EventLog>, clients: usize, from: Instant, to: Instant) -> anyhow::Result<Seen> {
    let (queue, appender) = append_queue(Arc::clone(log));
    let appending = tokio::spawn(appender.run());
    let next = Arc::new(AtomicU64::new(0));
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let (queue, next) = (queue.clone(), Arc::clone(&next));
        running.spawn(async move {
            let (mut took, mut answered) = (Histogram::default(), 0);
            while Instant::now() < to {
                let message = message(next.fetch_add(1, Ordering::Relaxed));
                let begun = Instant::now();
                queue.append(message).await?;
                answered += 1;
                let now = Instant::now();
                if from <= now && now < to {
                    took.add(u64::try_from((now - begun).as_nanos())?);
                }
            }
            anyhow::Ok((took, answered))
        });
    }
    drop(queue);
    sleep_until(from.into()).await;
    let (machine, counters) = (machine::Look::take(), Counters::take(stand).await?);
    sleep_until(to.into()).await;
    let machine = [machine, machine::Look::take()];
    let syncs = Counters::take(stand).await?.syncs.zip(counters.syncs).map(|(after, before)| after - before);
    let (mut histogram, mut appended) = (Histogram::default(), 0);
    while let Some(client) = running.join_next().await {
        let (took, answered) = client??;
        histogram.merge(&took);
        appended += answered;
    }
    let batches = appending.await.context("the appender")?;
    Ok(Seen { histogram, machine, syncs, appended, batches })
}

/// A message as the server would have it recorded: its own stream is new, and its thread is as it was seen.
fn message(n: u64) -> Append {
    let mut append = bulk::messages(n, 1).remove(0);
    let thread = append.events[0].thread.expect("a message has a thread");
    append.checks.push(Check { stream: StreamId { category: Category::Thread, id: thread.uuid() }, expected: Expected::Exact(1) });
    append
}

/// From one thread over a bare socket to another and back, one at a time.
pub(crate) async fn echo() -> anyhow::Result<Figures> {
    let histogram = spawn_blocking(|| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let server = thread::spawn(move || -> anyhow::Result<()> {
            let (mut socket, _) = listener.accept()?;
            socket.set_nodelay(true)?;
            let mut bytes = [0; ECHOED];
            for _ in 0..ECHOES {
                socket.read_exact(&mut bytes)?;
                socket.write_all(&bytes)?;
            }
            Ok(())
        });
        let (mut socket, mut bytes, mut histogram) = (TcpStream::connect(address)?, [7; ECHOED], Histogram::default());
        socket.set_nodelay(true)?;
        for _ in 0..ECHOES {
            let begun = Instant::now();
            socket.write_all(&bytes)?;
            socket.read_exact(&mut bytes)?;
            histogram.add(u64::try_from(begun.elapsed().as_nanos())?);
        }
        server.join().expect("the echo does not panic")?;
        anyhow::Ok(histogram)
    })
    .await??;
    let mut figures = Figures::default();
    figures.add("floor_echo_p50_ms", histogram.quantile(0.5).as_secs_f64() * 1e3);
    figures.add("floor_echo_p99_ms", histogram.quantile(0.99).as_secs_f64() * 1e3);
    Ok(figures)
}

/// What a run under load is compared with, briefly.
pub(crate) async fn floor(ground: &Ground) -> anyhow::Result<Figures> {
    let append = append(ground, 64, Duration::from_secs(2), Duration::from_millis(500)).await?;
    let mut figures = echo().await?;
    figures.add("floor_append_events_per_s", append.get("events_per_s").unwrap_or_default());
    Ok(figures)
}
