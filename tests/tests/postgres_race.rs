//! The race for the log, on real processes and a real PostgreSQL: writers of two processes, readers in both, transactions that are
//! rolled back, clients that go away in the middle, and a nemesis that kills backends.

use std::collections::HashMap;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use posthaste_application::port::EventLog;
use posthaste_application::recorded::{Position, Recorded};
use posthaste_infrastructure::postgres::PgLog;
use posthaste_tests::Database;
use posthaste_tests::drafts::{message, one_event};
use posthaste_tests::race::{FINISH, ROLLED_BACK, Race, Report, run, whole_log};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::time::{interval, timeout};
use tokio_postgres::Client;

/// Far beyond what it takes.
const DEADLINE: Duration = Duration::from_secs(120);
/// Of each of the two processes.
const WRITERS: u64 = 4;
/// Of each of the two processes.
const EVENTS: u64 = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_misses_an_event_and_every_acknowledged_append_is_there_once() -> anyhow::Result<()> {
    let database = Database::new("race").await?;
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let (here, there, kills) = timeout(DEADLINE, race(&database, seed)).await.context("the race has no end")??;

    let log = PgLog::new(database.postgres.clone());
    let events = whole_log(&log).await?;
    eprintln!(
        "{} events, {} acknowledged appends, {} rolled back, {} sent again, {kills} backends killed",
        events.len(),
        here.acks.len() + there.acks.len(),
        here.rolled_back + there.rolled_back,
        here.retried + there.retried
    );
    ensure!(kills > 0 && here.rolled_back > 0 && there.rolled_back > 0 && here.retried + there.retried > 0, "too quiet to prove anything");
    for report in [&here, &there] {
        readers_saw_everything(report, &events)?;
    }
    acknowledged_once(here.acks.iter().chain(&there.acks), &events)
}

/// Nothing was missed, nothing came out of order, and everybody saw the same.
fn readers_saw_everything(report: &Report, events: &[Recorded]) -> anyhow::Result<()> {
    let last = events.last().context("an empty log")?;
    for followed in &report.followed {
        ensure!(followed.fault.is_none(), "a reader stopped after {} events: {:?}", followed.events, followed.fault);
        ensure!(followed.events == last.position.0 && followed.hash == last.hash, "a reader saw another log");
    }
    Ok(())
}

/// What was acknowledged is there once, where it was said to be, and nothing else is.
fn acknowledged_once<'a>(acks: impl Iterator<Item = &'a posthaste_tests::race::Ack>, events: &[Recorded]) -> anyhow::Result<()> {
    let mut places: HashMap<_, Vec<u64>> = HashMap::new();
    for (position, event) in (1..).zip(events) {
        ensure!(event.position == Position(position), "{} in the place of {position}", event.position);
        ensure!(event.command.uuid().as_u64_pair().0 != ROLLED_BACK, "position {position} was rolled back");
        places.entry(event.command.uuid()).or_default().push(position);
    }
    for ack in acks {
        let found = places.remove(&ack.command).with_context(|| format!("{ack:?} is not there"))?;
        ensure!(found == (ack.first..=ack.last).collect::<Vec<_>>(), "{ack:?} is at {found:?}");
    }
    ensure!(places.keys().all(|command| *command == FINISH), "nobody was told of {places:?}");
    Ok(())
}

async fn race(database: &Database, seed: u64) -> anyhow::Result<(Report, Report, u64)> {
    let url = database.sandbox.postgres_server_url();
    let mut child = Command::new(env!("CARGO_BIN_EXE_log-race"))
        .args([&url, "2", &(seed ^ 1).to_string(), &WRITERS.to_string(), &EVENTS.to_string()])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();

    let owner = database.owner().await?;
    let (stop, stopped) = oneshot::channel::<()>();
    let nemesis = tokio::spawn(kill_backends(owner, stopped));

    let log = PgLog::new(database.postgres.clone());
    let here = Race { url, process: 1, seed, writers: WRITERS, events: EVENTS };
    let here = run(here, async || {
        let line = lines.next_line().await?;
        ensure!(line.as_deref() == Some("written"), "the other process said {line:?}");
        // Both have written; the nemesis goes, and the last event tells the readers so.
        drop(stop);
        loop {
            match log.append(&[one_event(FINISH, message(FINISH), 0)]).await {
                Ok(_) => return Ok(()),
                Err(error) => eprintln!("again: {error}"),
            }
        }
    })
    .await?;
    let Some(report) = lines.next_line().await? else { bail!("the other process said nothing, and ended with {}", child.wait().await?) };
    ensure!(child.wait().await?.success(), "the other process failed");
    Ok((here, serde_json::from_str(&report)?, nemesis.await??))
}

/// Kills a backend of the racers, at random, again and again. Gives how many.
async fn kill_backends(owner: Client, mut stopped: oneshot::Receiver<()>) -> anyhow::Result<u64> {
    let kill = "
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1";
    let mut ticks = interval(Duration::from_millis(25));
    let mut kills = 0;
    loop {
        tokio::select! {
            _ = &mut stopped => return Ok(kills),
            _ = ticks.tick() => kills += owner.query(kill, &[]).await?.len() as u64,
        }
    }
}
