//! A database that a newer release has migrated, and this release on it: as the one before, during an upgrade.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use posthaste_application::recorded::Position;
use posthaste_infrastructure::embedded::Database;
use posthaste_tests::actor::{Device, User};
use posthaste_tests::frozen::{Deployment, post};
use posthaste_tests::history::History;
use posthaste_tests::node::{migrate, run_posthaste};
use posthaste_tests::receiver::{Manner, Receiver};
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox};
use serde_json::Value;
use tokio_postgres::{Client, NoTls};

use crate::{PATIENCE, until};

/// The next migration: it only adds, and says so.
const EXPAND: &str = "
    ALTER TABLE events ADD COLUMN tomorrow text;
    CREATE TABLE tomorrow (at timestamptz);
    INSERT INTO refinery_schema_history SELECT version + 1, 'tomorrow', applied_on, checksum FROM refinery_schema_history
        ORDER BY version DESC LIMIT 1;
    UPDATE schema_compat SET oldest = (SELECT max(version) - 1 FROM refinery_schema_history)";

/// The one after it takes something away that this release needs.
const CONTRACT: &str = "
    INSERT INTO refinery_schema_history SELECT version + 1, 'the day after', applied_on, checksum FROM refinery_schema_history
        ORDER BY version DESC LIMIT 1;
    UPDATE schema_compat SET oldest = (SELECT max(version) - 1 FROM refinery_schema_history)";

async fn owner(sandbox: &Sandbox) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(&sandbox.postgres_owner_url(), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn readyz(base: &str) -> anyhow::Result<(u16, String)> {
    let answer = posthaste_tests::http::get(format!("{base}/readyz")).await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_release_before_runs_on_a_database_that_was_migrated_as_long_as_that_takes_it() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("migrated").await?;
    migrate(&sandbox).await?;
    let settings = NodeSettings::distributed(&sandbox).with("RELAY__LEASE_S", "2");
    let mut first = Node::start("the first node", settings.clone()).await?;
    let (alice, bob) = (Arc::new(User::register(&first.base(), "alice").await?), Arc::new(User::register(&first.base(), "bob").await?));
    alice.befriend(&first.base(), &bob).await?;
    let thread = alice.open_direct(&first.base(), &bob).await?;

    let owner = owner(&sandbox).await?;
    owner.batch_execute(EXPAND).await?;
    // One that runs goes on, one that is started as well, and either can be restarted.
    let second = Node::start("the second node", settings.clone()).await?;
    ensure!(second.logs().contains("the schema is newer than this program"), "{}", second.logs());
    ensure!(first.terminate().await?.success());
    first.restart().await?;
    let history = History::default();
    let phone = Device::connect(&alice, &[first.base()], Position::START, &history);
    let laptop = Device::connect(&bob, &[second.base()], Position::START, &history);
    for number in 0..10 {
        let (_, position) = post(if number % 2 == 0 { &phone } else { &laptop }, thread, format!("number {number}")).await?;
        phone.stored(position, PATIENCE).await?;
        laptop.stored(position, PATIENCE).await?;
    }
    ensure!(phone.connections() == 1 && laptop.connections() == 1, "{phone:?}, {laptop:?}");
    let doctor = run_posthaste(&settings, &["doctor"]).await?;
    let doctor = String::from_utf8_lossy(&doctor.stdout).into_owned();
    ensure!(doctor.contains("takes this program of version") && doctor.contains("finish the upgrade"), "{doctor}");
    let verified = run_posthaste(&settings, &["log", "verify"]).await?;
    ensure!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    until(
        "both are ready",
        async || Ok([readyz(&first.base()).await?, readyz(&second.base()).await?]),
        |both| both.iter().all(|(status, _)| *status == 200),
    )
    .await?;

    owner.batch_execute(CONTRACT).await?;
    // Whoever runs says so, and whoever starts is refused, and told why.
    until(
        "the first is not ready",
        async || readyz(&first.base()).await,
        |(status, said)| *status == 503 && said.contains("takes programs of"),
    )
    .await?;
    let refused = run_posthaste(&settings, &["serve", "--listen", "127.0.0.1:0"]).await?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(!refused.status.success() && said.contains("takes programs of version") && said.contains("or a newer one"), "{said}");
    let doctor = run_posthaste(&settings, &["doctor"]).await?;
    let doctor_says = String::from_utf8_lossy(&doctor.stdout).into_owned();
    ensure!(!doctor.status.success() && doctor_says.contains("takes programs of version"), "{doctor_says}");
    Ok(())
}

/// What a newer program has made of the file.
fn alter(data: &std::path::Path, versions: i64, oldest: i64) -> anyhow::Result<()> {
    let file = rusqlite::Connection::open(data.join("posthaste.db"))?;
    let version: i64 = file.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    file.execute_batch("CREATE TABLE IF NOT EXISTS tomorrow (at INTEGER) STRICT")?;
    file.pragma_update(None, "user_version", version + versions)?;
    file.execute("UPDATE schema_compat SET oldest = ?1", [version + oldest])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_a_newer_release_has_opened_is_served_as_long_as_it_takes_this_one() -> anyhow::Result<()> {
    let endpoint = Receiver::start(Manner::Answer(200)).await?;
    let deployment = Deployment::new(Profile::Embedded, &endpoint).await?;
    let mut node = deployment.start().await?;
    let alice = User::register(&node.base(), "alice").await?;
    ensure!(node.terminate().await?.success());

    alter(&deployment.data(), 1, 0)?;
    node.restart().await?;
    alice.log_in(&node.base()).await?;
    ensure!(node.logs().contains("the file is newer than this program"), "{}", node.logs());
    let verified: Value = serde_json::from_str(deployment.says(&["log", "verify", "--json"]).await?.trim())?;
    ensure!(verified["log"] == "verified", "{verified}");
    ensure!(node.terminate().await?.success());
    let file = rusqlite::Connection::open(deployment.data().join("posthaste.db"))?;
    let version: i64 = file.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    drop(file);

    alter(&deployment.data(), 1, 1)?;
    let refused = node.restart().await.err().context("it started on a file that does not take it")?;
    let said = format!("{refused:#}{}", node.logs());
    ensure!(said.contains(&format!("has schema version {}", version + 1)), "{said}");
    let refused = Database::open_read_only(&deployment.data()).err().context("it was read")?;
    ensure!(refused.to_string().contains("has schema version"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_file_of_a_newer_release_that_does_not_say_whom_it_takes_is_refused() -> anyhow::Result<()> {
    let data = Scratch::new()?;
    drop(Database::open(data.path())?);
    let file = rusqlite::Connection::open(data.path().join("posthaste.db"))?;
    file.execute_batch("DROP TABLE schema_compat; PRAGMA user_version = 99")?;
    drop(file);
    ensure!(Database::open(data.path()).is_err());
    Ok(())
}
