//! What is measured, over real sockets: everything of the table, nothing else, and as much as there was.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use posthaste_application::recorded::Position;
use posthaste_tests::actor::{Device, User};
use posthaste_tests::history::{Answer, History};
use posthaste_tests::node::migrate;
use posthaste_tests::receiver::{Manner, Receiver};
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox};

use super::scrape::Scrape;
use super::{PATIENCE, until};

/// Messages that are counted.
const MESSAGES: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_happens_is_counted_embedded() -> anyhow::Result<()> {
    everything_that_happens_is_counted(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_happens_is_counted_distributed() -> anyhow::Result<()> {
    everything_that_happens_is_counted(Profile::Distributed).await
}

async fn everything_that_happens_is_counted(profile: Profile) -> anyhow::Result<()> {
    let receiver = Receiver::start(Manner::Answer(200)).await?;
    let folder = Scratch::new()?;
    let file = folder.path().join("posthaste.toml");
    let url = receiver.url();
    std::fs::write(
        &file,
        format!("[[webhooks]]\nname = 'crm'\nurl = '{url}'\nsecret = 'the secret of the crm'\ntypes = ['message.posted']\n"),
    )?;
    let mut sandbox = None;
    let settings = match profile {
        Profile::Embedded => NodeSettings::embedded(&folder.path().join("data")),
        Profile::Distributed => {
            let new = sandbox.insert(Sandbox::new("metrics").await?);
            migrate(new).await?;
            NodeSettings::distributed(new)
        }
    };
    let settings = settings.with("CONFIG", file.to_string_lossy()).with("WEBHOOK_DELIVERY__FIRST_RETRY_MS", "20");
    let node = Node::start("the node", settings.clone()).await?;
    let base = node.base();

    let fresh = Scrape::of(&base).await?;
    fresh.is_the_table(&["crm"])?;
    ensure!(fresh.get("events_appended_total")? == 0.0 && fresh.get("sockets")? == 0.0, "{fresh:?}");

    let history = History::default();
    let (alice, bob) = (Arc::new(User::register(&base, "alice").await?), Arc::new(User::register(&base, "bob").await?));
    alice.befriend(&base, &bob).await?;
    let thread = alice.open_direct(&base, &bob).await?;
    let nodes = [base.clone()];
    let (phone, laptop) =
        (Device::connect(&alice, &nodes, Position::START, &history), Device::connect(&bob, &nodes, Position::START, &history));
    phone.live_on(&base, PATIENCE).await?;
    laptop.live_on(&base, PATIENCE).await?;
    let quiet = |scrape: &Scrape| {
        let all = ["unacked", "relay_lag", "relay_unconfirmed", "view_lag{view=\"timeline\"}", "webhook_waiting{endpoint=\"crm\"}"];
        let still = all.into_iter().all(|series| scrape.get(series).is_ok_and(|value| value == 0.0));
        let served = scrape.get("sockets").is_ok_and(|sockets| sockets == 2.0);
        // How things stand may be half a second old; all events are of this process.
        let [head, recorded, relayed] = ["log_head", "events_appended_total", "relay_checkpoint"].map(|series| scrape.get(series).ok());
        still && served && head == recorded && relayed == recorded
    };
    let before = until("nothing is under way", async || Scrape::of(&base).await, quiet).await?;

    let mut last = Position::START;
    for number in 0..MESSAGES {
        let answer = phone.post(thread, format!("message {number}")).await?;
        let Answer::Ok { position, .. } = answer else { anyhow::bail!("{answer:?}") };
        last = position;
    }
    laptop.stored(last, PATIENCE).await?;
    phone.stored(last, PATIENCE).await?;
    let sent = MESSAGES as f64;
    let arrived = |scrape: &Scrape| {
        let delivered = scrape.since(&before, "webhook_delivered_total{endpoint=\"crm\"}");
        quiet(scrape) && delivered.is_ok_and(|delivered| delivered >= sent)
    };
    let after = until("everything has arrived", async || Scrape::of(&base).await, arrived).await?;
    for (series, expected) in [
        ("events_appended_total", sent),
        ("log_head", sent),
        ("appends_total{outcome=\"recorded\"}", sent),
        ("appends_total{outcome=\"failed\"}", 0.0),
        ("commands_total{outcome=\"executed\"}", sent),
        ("commands_total{outcome=\"refused\"}", 0.0),
        ("append_batch_sum", sent),
        ("relay_checkpoint", sent),
        ("relay_confirmed_total", sent),
        ("relay_published_total", sent),
        ("view_events_total{view=\"timeline\"}", sent),
        ("view_events_total{view=\"people\"}", sent),
        // To her own device, too.
        ("pushed_total", 2.0 * sent),
        ("webhook_taken_total", sent),
        ("webhook_sent_total{endpoint=\"crm\"}", sent),
        ("webhook_delivered_total{endpoint=\"crm\"}", sent),
        ("webhook_failed_total{endpoint=\"crm\"}", 0.0),
        ("webhook_dead_total{endpoint=\"crm\"}", 0.0),
        ("connects_total", 0.0),
        ("append_retries_total", 0.0),
        ("relay_failures_total", 0.0),
        ("overflows_total", 0.0),
    ] {
        ensure!(after.since(&before, series)? == expected, "{series}: {} and not {expected}", after.since(&before, series)?);
    }
    let within = |series: &str, least: f64, most: f64| {
        let grown = after.since(&before, series)?;
        ensure!((least..=most).contains(&grown), "{series}: {grown} is not in {least}..={most}");
        anyhow::Ok(grown)
    };
    let batches = within("append_batch_count", 1.0, sent)?;
    within("append_seconds_count", batches, batches)?;
    within("append_seconds_bucket{le=\"+Inf\"}", batches, batches)?;
    within("relay_confirm_seconds_count", 1.0, sent)?;
    // Once for all that was written together.
    within("push_seconds_count", 1.0, 2.0 * sent)?;
    within("acks_total", 2.0, 2.0 * sent)?;
    within("http_requests_total{status=\"2xx\"}", 1.0, f64::MAX)?;
    ensure!(after.get("relay_active")? == 1.0, "nobody relays");

    a_webhook_that_fails_is_counted(&base, &receiver, &phone, thread).await?;
    a_socket_that_is_cut_is_counted(&base, &laptop, &history).await?;
    let last = Scrape::of(&base).await?;
    last.is_the_table(&["crm"])?;
    if profile == Profile::Distributed {
        // A process without the api role, which stands by.
        let standby = Node::start("standing by", settings.roles("relay")).await?;
        let scrape = Scrape::of(&standby.base()).await?;
        scrape.is_the_table(&["crm"])?;
        ensure!(scrape.get("relay_active")? == 0.0 && scrape.get("log_head")? == last.get("log_head")?, "{scrape:?}");
    }
    drop((phone, laptop));
    Ok(())
}

async fn a_webhook_that_fails_is_counted(
    base: &str,
    receiver: &Receiver,
    phone: &Device,
    thread: posthaste_domain::ThreadId,
) -> anyhow::Result<()> {
    let before = Scrape::of(base).await?;
    receiver.behave(Manner::Answer(500));
    phone.post(thread, "to nobody").await?;
    let failed = "webhook_failed_total{endpoint=\"crm\"}";
    let fails = |scrape: &Scrape| {
        let waiting = scrape.get("webhook_waiting{endpoint=\"crm\"}").is_ok_and(|waiting| waiting == 1.0);
        waiting && scrape.since(&before, failed).is_ok_and(|failed| failed >= 2.0)
    };
    until("it fails and waits", async || Scrape::of(base).await, fails).await?;
    receiver.behave(Manner::Answer(200));
    let is_delivered = |scrape: &Scrape| {
        let waiting = scrape.get("webhook_waiting{endpoint=\"crm\"}").is_ok_and(|waiting| waiting == 0.0);
        waiting && scrape.since(&before, "webhook_delivered_total{endpoint=\"crm\"}").is_ok_and(|delivered| delivered == 1.0)
    };
    let after = until("it is delivered", async || Scrape::of(base).await, is_delivered).await?;
    let (failed, retried) = (after.since(&before, failed)?, after.since(&before, "webhook_retried_total{endpoint=\"crm\"}")?);
    ensure!(failed == retried, "{failed} failed, {retried} to be tried again");
    let sent = after.since(&before, "webhook_sent_total{endpoint=\"crm\"}")?;
    ensure!(sent == failed + 1.0, "{sent} sent, {failed} failed");
    Ok(())
}

async fn a_socket_that_is_cut_is_counted(base: &str, laptop: &Device, history: &History) -> anyhow::Result<()> {
    let (before, connections) = (Scrape::of(base).await?, laptop.connections());
    laptop.cut();
    let back = |scrape: &Scrape| scrape.since(&before, "resumes_total").is_ok_and(|resumes| resumes >= 1.0);
    let after = until("it comes back", async || Scrape::of(base).await, back).await?;
    ensure!(laptop.connections() > connections, "it was never cut: {}", history.entries().len());
    let connects = after.since(&before, "connects_total")?;
    ensure!(connects == after.since(&before, "resumes_total")?, "{connects} connects");
    let closed = async || Scrape::of(base).await;
    let is_closed = |scrape: &Scrape| {
        let closed =
            ["gone", "replaced_by_same_device"].map(|reason| scrape.since(&before, &format!("closes_total{{reason=\"{reason}\"}}")));
        closed.into_iter().flatten().sum::<f64>() >= 1.0 && scrape.get("sockets").is_ok_and(|sockets| sockets == 2.0)
    };
    until("its end is counted", closed, is_closed).await.context("of the socket that was cut").map(drop)
}
