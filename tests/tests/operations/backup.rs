//! Backup and restore as docs/OPERATIONS.md has it: dump, restore, verify, serve, and devices go on.

use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use posthaste_application::recorded::Position;
use posthaste_tests::actor::{Device, Socket, User, new_id};
use posthaste_tests::history::{Answer, History};
use posthaste_tests::node::{migrate, run, run_posthaste};
use posthaste_tests::services::{Scratch, postgres_program};
use posthaste_tests::{Node, NodeSettings, Sandbox};
use serde_json::{Value, json};
use tokio_postgres::NoTls;

use super::scrape::Scrape;
use super::{PATIENCE, until};

/// Posts a message and gives its position.
async fn post(device: &Device, thread: posthaste_domain::ThreadId, text: String) -> anyhow::Result<Position> {
    match device.post(thread, text).await? {
        Answer::Ok { position, .. } => Ok(position),
        refused @ Answer::Err { .. } => anyhow::bail!("{refused:?}"),
    }
}

/// What one of PostgreSQL's programs has done.
async fn postgres(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command: Command = postgres_program(program)?;
    command.args(arguments);
    let output = run(command, PATIENCE).await?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_is_restored_verified_and_served_and_devices_go_on() -> anyhow::Result<()> {
    let (scratch, old, new) = (Scratch::new()?, Sandbox::new("backup").await?, Sandbox::new("restored").await?);
    migrate(&old).await?;
    let mut node = Node::start("the old node", NodeSettings::distributed(&old)).await?;
    let (base, history) = (node.base(), History::default());
    let (alice, bob) = (Arc::new(User::register(&base, "alice").await?), Arc::new(User::register(&base, "bob").await?));
    alice.befriend(&base, &bob).await?;
    let thread = alice.open_direct(&base, &bob).await?;
    let (phone, laptop) = (
        Device::connect(&alice, std::slice::from_ref(&base), Position::START, &history),
        Device::connect(&bob, std::slice::from_ref(&base), Position::START, &history),
    );
    let mut last = Position::START;
    for number in 0..5 {
        last = post(&phone, thread, format!("before {number}")).await?;
    }
    laptop.quiesce(last, PATIENCE).await?;
    let (name, before) = (laptop.name(), laptop.leave().await?);
    for number in 0..5 {
        last = post(&phone, thread, format!("while he was away {number}")).await?;
    }
    until("the relay has come as far", async || Scrape::of(&base).await, |scrape| scrape.get("relay_lag").is_ok_and(|lag| lag == 0.0))
        .await?;
    let dump = scratch.path().join("posthaste.dump").to_string_lossy().into_owned();
    postgres("pg_dump", &["--format=custom", "--file", &dump, "--dbname", &old.postgres_owner_url()]).await?;
    // What comes after the dump is lost with the old database, and this device has seen it.
    let lost = post(&phone, thread, "after the dump".to_owned()).await?;
    phone.stored(lost, PATIENCE).await?;
    drop(phone);
    ensure!(node.terminate().await?.success());

    postgres("pg_restore", &["--exit-on-error", "--dbname", &new.postgres_owner_url(), &dump]).await?;
    let settings = NodeSettings::distributed(&new);
    let verified = run_posthaste(&settings, &["log", "verify", "--json"]).await?;
    let verified: Value = serde_json::from_slice(&verified.stdout)?;
    ensure!(verified["log"] == "verified" && verified["head"] == last.0, "{verified}, the last message is at {last}");
    let mut node = Node::start("the new node", settings.clone()).await?;
    let base = node.base();
    let doctor = run_posthaste(&settings, &["doctor"]).await?;
    ensure!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));

    let verified = run_posthaste(&settings, &["views", "verify", "all", "--json"]).await?;
    let views = String::from_utf8(verified.stdout)?;
    ensure!(verified.status.success() && views.matches("\"verdict\":\"verified\"").count() == 3, "{views}");

    // The device goes on where it was, with what it missed and nothing twice.
    let laptop = Device::resume(&bob, name.device, std::slice::from_ref(&base), before.clone(), &history);
    laptop.stored(last, PATIENCE).await?;
    let stored = laptop.storage().events.split_off(before.events.len());
    let texts: Vec<_> = stored.into_iter().filter_map(|event| event.text).collect();
    assert_eq!(texts, (0..5).map(|number| format!("while he was away {number}")).collect::<Vec<_>>());
    // And with what is new, which has the position of what was lost.
    alice.log_in(&base).await?;
    let another = Device::connect(&alice, std::slice::from_ref(&base), Position::START, &history);
    let next = post(&another, thread, "a new beginning".to_owned()).await?;
    ensure!(next == lost, "{next} is not right after {last}");
    laptop.stored(next, PATIENCE).await?;

    // Whoever has seen more than there is, is told so.
    let far = json!({ "cursor": next.0 + 1_000 });
    let mut socket = Socket::hello(&base, &alice, new_id(), far).await?;
    let refused = format!("{:?}", socket.next().await?);
    ensure!(refused.contains("ack_ahead"), "{refused}");
    drop((another, laptop));
    node.terminate().await?;

    whoever_is_beyond_the_end_stops_and_is_reset(&new, settings).await
}

/// The folder of the embedded profile, copied while the server runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_was_copied_under_a_server_is_verified_and_served_and_devices_go_on() -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let (data, copy) = (scratch.path().join("data"), scratch.path().join("copy"));
    let mut node = Node::start("the old node", NodeSettings::embedded(&data)).await?;
    let (base, history) = (node.base(), History::default());
    let (alice, bob) = (Arc::new(User::register(&base, "alice").await?), Arc::new(User::register(&base, "bob").await?));
    alice.befriend(&base, &bob).await?;
    let thread = alice.open_direct(&base, &bob).await?;
    let [phone, laptop] = [&alice, &bob].map(|user| Device::connect(user, std::slice::from_ref(&base), Position::START, &history));
    let last = post(&phone, thread, "before".to_owned()).await?;
    laptop.quiesce(last, PATIENCE).await?;
    let (name, before) = (laptop.name(), laptop.leave().await?);
    let last = post(&phone, thread, "while he was away".to_owned()).await?;

    // As docs/OPERATIONS.md has it, with the newest in the WAL.
    std::fs::create_dir(&copy)?;
    let file = rusqlite::Connection::open(data.join("posthaste.db"))?;
    file.execute("VACUUM INTO ?1", [copy.join("posthaste.db").to_string_lossy()])?;
    drop(file);
    for key in ["token.key", "factor.key", "content.key"] {
        std::fs::copy(data.join(key), copy.join(key))?;
    }
    let lost = post(&phone, thread, "after the copy".to_owned()).await?;
    phone.stored(lost, PATIENCE).await?;
    drop(phone);
    node.kill9()?;

    let settings = NodeSettings::embedded(&copy);
    let run = async |arguments: &[&str]| {
        let output = run_posthaste(&settings, arguments).await?;
        let (said, complained) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "{arguments:?}: {said}{complained}");
        anyhow::Ok(said)
    };
    let verified: Value = serde_json::from_str(&run(&["log", "verify", "--json"]).await?)?;
    ensure!(verified["log"] == "verified" && verified["head"] == last.0, "{verified}, the last message is at {last}");
    run(&["doctor"]).await?;
    let mut node = Node::start("the new node", settings.clone()).await?;
    let base = node.base();
    let views = run(&["views", "verify", "all", "--json"]).await?;
    ensure!(views.matches("\"verdict\":\"verified\"").count() == 3, "{views}");
    // Nobody has to log in again, and the device gets what it missed.
    let laptop = Device::resume(&bob, name.device, std::slice::from_ref(&base), before.clone(), &history);
    laptop.stored(last, PATIENCE).await?;
    let missed: Vec<_> = laptop.storage().events.split_off(before.events.len()).into_iter().filter_map(|event| event.text).collect();
    ensure!(missed == ["while he was away"], "{missed:?}");
    let another = Device::connect(&alice, std::slice::from_ref(&base), Position::START, &history);
    let next = post(&another, thread, "a new beginning".to_owned()).await?;
    ensure!(next == lost, "{next} is not right after {last}");
    drop((another, laptop));
    ensure!(node.terminate().await?.success());
    Ok(())
}

/// As if the log alone had been restored.
async fn whoever_is_beyond_the_end_stops_and_is_reset(sandbox: &Sandbox, settings: NodeSettings) -> anyhow::Result<()> {
    let (owner, connection) = tokio_postgres::connect(&sandbox.postgres_owner_url(), NoTls).await?;
    tokio::spawn(connection);
    for (role, harm, remedy) in [
        (
            "relay",
            "UPDATE relay_lease SET checkpoint = checkpoint + 1000, holder = NULL",
            "UPDATE relay_lease SET checkpoint = (SELECT position FROM log_head)",
        ),
        ("projector", "UPDATE view_checkpoints SET position = position + 1000 WHERE view = 'people'", "SELECT reset_view('people')"),
    ] {
        owner.batch_execute(harm).await.context(harm)?;
        let output = run_posthaste(&settings, &["serve", "--listen", "127.0.0.1:0", "--roles", role]).await?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(!output.status.success() && said.contains("is beyond the head of the log"), "{role}: {said}");
        owner.batch_execute(remedy).await.context(remedy)?;
        let node = Node::start(role, settings.clone().roles("api,relay,projector")).await?;
        let base = node.base();
        let well = |scrape: &Scrape| {
            let level = scrape.get("view_checkpoint{view=\"people\"}").ok() == scrape.get("log_head").ok();
            level && scrape.get("relay_lag").is_ok_and(|lag| lag == 0.0)
        };
        until("all have come as far as the log", async || Scrape::of(&base).await, well).await.context(remedy)?;
    }
    Ok(())
}
