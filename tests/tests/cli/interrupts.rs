//! Commands that are left before their end: by Ctrl-C, and by whoever read what they say.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use posthaste_application::port::EventLog;
use posthaste_infrastructure::embedded::{Database as File, SqliteLog};
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::node::posthaste;
use posthaste_tests::patience::until;
use posthaste_tests::services::{Scratch, signal};
use posthaste_tests::{Database, bulk};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_postgres::Client;

use super::{PATIENCE, run_in};

/// More than is written at once, and much more than a pipe holds.
const EVENTS: u64 = 6_000;
/// So many are written at once.
const CHUNK: usize = 4_096;

/// Fills a log.
async fn fill(log: &dyn EventLog, messages: u64) -> anyhow::Result<()> {
    let appends = [bulk::threads(), bulk::messages(0, messages)].concat();
    for batch in appends.chunks(1_000) {
        for answer in log.append(batch).await? {
            answer?;
        }
    }
    Ok(())
}

fn begin(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Child> {
    let mut command = Command::from(posthaste());
    command.current_dir(folder).args(arguments).envs(environment.iter().copied());
    Ok(command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?)
}

/// How it ended, and what it complained of.
async fn end(mut process: Child) -> anyhow::Result<(Option<i32>, String)> {
    let mut complained = String::new();
    let ended = async {
        process.stderr.take().context("its complaints")?.read_to_string(&mut complained).await?;
        anyhow::Ok(process.wait().await?)
    };
    let status = timeout(PATIENCE, ended).await.context("it goes on")??;
    Ok((status.code(), complained))
}

async fn interrupt(process: Child) -> anyhow::Result<(Option<i32>, String)> {
    signal("INT", process.id().context("it has ended")?);
    end(process).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_nobody_reads_to_its_end_ends_and_is_gone_on_with() -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    let here = folder.path();
    let log = SqliteLog::new(File::open(&here.join("data"))?, Arc::new(SystemClock));
    fill(&log, EVENTS).await?;
    drop(log);
    let whole = run_in(here, &["log", "export", "--data", "data"], &[]).await?.ok()?;

    // Into a pipe that is full while the second part is written.
    let mut process = begin(here, &["log", "export", "--data", "data"], &[])?;
    let mut lines = BufReader::new(process.stdout.take().context("its output")?).lines();
    let mut read = String::new();
    for _ in 0..CHUNK + 10 {
        read += &timeout(PATIENCE, lines.next_line()).await.context("nothing comes")??.context("it has ended")?;
        read.push('\n');
    }
    let (code, complained) = interrupt(process).await?;
    ensure!(code == Some(130) && complained.contains(&format!("go on with --after {CHUNK}")), "{code:?}: {complained}");
    ensure!(whole.starts_with(&read), "what was read is the beginning");
    let first: String = whole.split_inclusive('\n').take(1 + CHUNK).collect();
    let rest = run_in(here, &["log", "export", "--data", "data", "--after", &CHUNK.to_string()], &[]).await?.ok()?;
    let rest = rest.split_once('\n').context("a header")?.1;
    ensure!(first + rest == whole, "it goes on differently");
    // As if it had been a file.
    fs::write(here.join("cut"), &read)?;
    run_in(here, &["log", "export", "--data", "data", "--resume", "cut"], &[]).await?.ok()?;
    ensure!(fs::read_to_string(here.join("cut"))? == whole, "it goes on differently");

    // Whoever reads goes away.
    for arguments in [&["log", "export"][..], &["log", "tail", "-n", "100000"], &["log", "show", "--from", "1"]] {
        let mut process = begin(here, &[arguments, &["--data", "data"]].concat(), &[])?;
        let mut lines = BufReader::new(process.stdout.take().context("its output")?).lines();
        timeout(PATIENCE, lines.next_line()).await.context("nothing comes")??.context("a line")?;
        drop(lines);
        let (code, complained) = end(process).await?;
        ensure!(code == Some(141) && complained.is_empty(), "{arguments:?}: {code:?} {complained}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_whatever_waits_for_a_database_and_says_what_was_done() -> anyhow::Result<()> {
    let (folder, database, source) = (Scratch::new()?, Database::new("interrupted").await?, Scratch::new()?);
    let here = folder.path();
    let (server, owner_url) = (database.sandbox.postgres_server_url(), database.sandbox.postgres_owner_url());
    let environment = [
        ("POSTHASTE_PROFILE", "distributed"),
        ("POSTHASTE_POSTGRES__URL", server.as_str()),
        ("POSTHASTE_POSTGRES__OWNER_URL", owner_url.as_str()),
        ("POSTHASTE_RABBITMQ__URL", "amqp://guest:guest@nowhere"),
        ("POSTHASTE_REDIS__URL", "redis://nowhere"),
        ("POSTHASTE_AUTH__SIGNING_KEY", "MC4CAQAwBQYDK2VwBCIEIGSkdHSmLqmapWU07UoHgsybsZmNc3f4Zbg4Hl7Ty8dp"),
        ("POSTHASTE_AUTH__FACTOR_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
        ("POSTHASTE_CONTENT__MASTER_KEY", "VGhlIG1hc3RlciBrZXkgdGhhdCB0ZXN0cyB1c2Ugb24="),
    ];
    run_in(source.path(), &["demo", "--json", "--data", "data"], &[]).await?.ok()?;
    let exported = run_in(source.path(), &["log", "export", "--data", "data"], &[]).await?.ok()?;
    fs::write(here.join("log"), &exported)?;
    let owner = database.owner().await?;
    // What each is stopped at, and what it says then.
    let stop = async |locked: &str, arguments: &[&str], words: &[&str]| {
        owner.execute("BEGIN", &[]).await?;
        owner.execute(&format!("LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE"), &[]).await?;
        let process = begin(here, arguments, &environment)?;
        until("it waits", async || waiting(&owner).await, |waiting| *waiting > 0).await?;
        let (code, complained) = interrupt(process).await?;
        owner.execute("ROLLBACK", &[]).await?;
        ensure!(code == Some(130), "{arguments:?}: {code:?} {complained}");
        for word in words {
            ensure!(complained.contains(word), "{arguments:?}: it does not say {word}: {complained}");
        }
        anyhow::Ok(())
    };
    stop("log_head", &["log", "import", "log"], &["nothing was imported"]).await?;
    run_in(here, &["log", "import", "log"], &environment).await?.ok()?;
    stop("events", &["log", "verify"], &["up to position 0", "--from 1"]).await?;
    stop("events", &["log", "export", "-o", "part"], &["stopped after position 0", "go on with --resume part"]).await?;
    run_in(here, &["log", "export", "--resume", "part"], &environment).await?.ok()?;
    ensure!(fs::read_to_string(here.join("part"))? == exported, "it goes on differently");
    stop(
        "events",
        &["log", "replay", "--as-of", "2020-01-01T00:00:00Z", "user", "00000000-0000-0000-0000-000000000001"],
        &["nothing was changed"],
    )
    .await
}

/// How many wait for a lock in this database.
async fn waiting(client: &Client) -> anyhow::Result<i64> {
    Ok(client
        .query_one(
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database WHERE NOT granted AND d.datname = current_database()",
            &[],
        )
        .await?
        .get(0))
}
