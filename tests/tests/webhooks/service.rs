//! The whole service: real processes, real HTTP servers, the command line.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use lapin::options::{QueueDeleteOptions, QueuePurgeOptions};
use lapin::{Connection, ConnectionProperties};
use posthaste_tests::actor::User;
use posthaste_tests::node::{migrate, run_posthaste};
use posthaste_tests::receiver::{Manner, Receiver, Request};
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::world::SECRET;

const PATIENCE: Duration = Duration::from_secs(60);

/// A deployment whose registrations are told to some endpoints.
struct Deployment {
    settings: NodeSettings,
    data: Option<String>,
    sandbox: Option<Sandbox>,
    _scratch: Scratch,
}

impl Deployment {
    async fn new(profile: Profile, endpoints: &[(&str, &Receiver)]) -> anyhow::Result<Self> {
        let scratch = Scratch::new()?;
        let section = |(name, receiver): &(&str, &Receiver)| {
            let url = receiver.url();
            format!("[[webhooks]]\nname = {name:?}\nurl = {url:?}\nsecret = {SECRET:?}\ntypes = [\"user.registered\"]\n")
        };
        let file = scratch.path().join("posthaste.toml");
        std::fs::write(&file, endpoints.iter().map(section).collect::<String>())?;
        let (settings, data, sandbox) = match profile {
            Profile::Embedded => {
                let data = scratch.path().join("data");
                (NodeSettings::embedded(&data), Some(data.to_string_lossy().into_owned()), None)
            }
            Profile::Distributed => {
                let sandbox = Sandbox::new("webhooks").await?;
                migrate(&sandbox).await?;
                (NodeSettings::distributed(&sandbox), None, Some(sandbox))
            }
        };
        let settings = settings
            .with("CONFIG", file.to_string_lossy())
            .with("WEBHOOK_DELIVERY__TIMEOUT_MS", "1000")
            .with("WEBHOOK_DELIVERY__FIRST_RETRY_MS", "20")
            .with("WEBHOOK_DELIVERY__LONGEST_RETRY_S", "1")
            .with("WEBHOOK_DELIVERY__LEASE_S", "2");
        Ok(Self { settings, data, sandbox, _scratch: scratch })
    }

    /// What `posthaste webhooks …` says, line by line.
    async fn webhooks(&self, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        self.posthaste("webhooks", arguments).await
    }

    /// What `posthaste dead …` says.
    async fn dead(&self, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        self.posthaste("dead", arguments).await
    }

    async fn posthaste(&self, command: &str, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        let data = self.data.as_ref().map(|data| ["--data", data]).into_iter().flatten();
        let arguments: Vec<_> = [command].into_iter().chain(arguments.iter().copied()).chain(data).chain(["--json"]).collect();
        let output = run_posthaste(&self.settings, &arguments).await?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Waits until the command line says so of an endpoint.
    async fn until(&self, endpoint: &str, what: &str, holds: impl Fn(&Value) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.webhooks(&["status"]).await?;
            let of = status.iter().find(|status| status["endpoint"] == endpoint).with_context(|| format!("{status:?}"))?;
            if holds(of) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{what}: {of}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn channel(&self) -> anyhow::Result<lapin::Channel> {
        let sandbox = self.sandbox.as_ref().context("the embedded profile has no broker")?;
        let connection = Connection::connect(&sandbox.rabbitmq_url(), ConnectionProperties::default()).await?;
        Ok(connection.create_channel().await?)
    }
}

/// So many registrations, one after the other; gives their users' ids.
async fn register(base: &str, count: usize) -> anyhow::Result<Vec<String>> {
    let mut users = Vec::new();
    for _ in 0..count {
        users.push(User::enrol(base, "hook").await?.id().to_string());
    }
    Ok(users)
}

/// Whose registrations were taken, each time they were, in the order in which they were.
fn registered(requests: &[Request]) -> Vec<String> {
    let taken = requests.iter().filter(|request| matches!(request.manner, Manner::Answer(200..=299)));
    taken.map(|request| request.event().unwrap()["body"]["user"].as_str().unwrap().to_owned()).collect()
}

async fn took(receiver: &Receiver, users: &[String]) -> anyhow::Result<Vec<Request>> {
    let what = format!("it took {} registrations", users.len());
    let requests = receiver.until(PATIENCE, &what, |requests| registered(requests).len() >= users.len()).await?;
    assert_eq!(registered(&requests), users, "each once, in order");
    requests.iter().try_for_each(|request| request.is_signed_with(SECRET))?;
    Ok(requests)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_when_the_process_is_killed_is_sent_again_embedded() -> anyhow::Result<()> {
    what_is_sent_when_the_process_is_killed_is_sent_again(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_when_the_process_is_killed_is_sent_again_distributed() -> anyhow::Result<()> {
    what_is_sent_when_the_process_is_killed_is_sent_again(Profile::Distributed).await
}

/// Killed between sending and settling, and with more behind it.
async fn what_is_sent_when_the_process_is_killed_is_sent_again(profile: Profile) -> anyhow::Result<()> {
    let receiver = Receiver::start(Manner::Answer(200)).await?;
    let deployment = Deployment::new(profile, &[("crm", &receiver)]).await?;
    let settings = deployment.settings.clone().with("WEBHOOK_DELIVERY__TIMEOUT_MS", "20000").with("WEBHOOK_DELIVERY__LEASE_S", "30");
    // In the distributed profile a node of its own, whose place is taken by another.
    let (mut serving, mut sending) = match profile {
        Profile::Embedded => (None, Node::start("all", deployment.settings.clone().with("WEBHOOK_DELIVERY__LEASE_S", "2")).await?),
        Profile::Distributed => {
            let serving = Node::start("serving", settings.clone().roles("api,gateway,relay,projector")).await?;
            (Some(serving), Node::start("sending", deployment.settings.clone().roles("webhooks")).await?)
        }
    };
    let base = serving.as_ref().unwrap_or(&sending).base();
    let mut users = register(&base, 3).await?;
    took(&receiver, &users).await?;

    for round in 0..3 {
        receiver.behave(Manner::Hang);
        let before = receiver.requests().len();
        users.extend(register(&base, 3).await?);
        let requests = receiver.until(PATIENCE, "it is sent", |requests| requests.len() > before).await?;
        sending.kill9()?;
        let id = requests[before].header("posthaste-id")?.to_owned();
        receiver.behave(Manner::Answer(200));
        sending.restart().await?;
        let requests = took(&receiver, &users).await?;
        let again = requests[before + 1..].iter().filter(|request| request.header("posthaste-id").is_ok_and(|again| again == id));
        ensure!(again.count() > 0, "round {round}: {id} was not sent again under its id");
    }
    sending.still_runs()?;
    if let Some(serving) = &mut serving {
        serving.still_runs()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_tried_again_and_disabled_endpoints_enabled_beside_the_server_embedded() -> anyhow::Result<()> {
    dead_letters_are_tried_again_and_disabled_endpoints_enabled_beside_the_server(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_tried_again_and_disabled_endpoints_enabled_beside_the_server_distributed() -> anyhow::Result<()> {
    dead_letters_are_tried_again_and_disabled_endpoints_enabled_beside_the_server(Profile::Distributed).await
}

async fn dead_letters_are_tried_again_and_disabled_endpoints_enabled_beside_the_server(profile: Profile) -> anyhow::Result<()> {
    let (bad, good) = (Receiver::start(Manner::Answer(500)).await?, Receiver::start(Manner::Answer(200)).await?);
    let deployment = Deployment::new(profile, &[("bad", &bad), ("good", &good)]).await?;
    let mut node = Node::start("a node", deployment.settings.clone().with("WEBHOOK_DELIVERY__TRIES", "3")).await?;
    let users = register(&node.base(), 3).await?;
    took(&good, &users).await?;
    deployment.until("bad", "three dead letters", |status| status["dead"] == 3 && status["waiting"] == 0).await?;
    deployment.until("good", "it is well", |status| status["dead"] == 0 && status["failing_since"].is_null()).await?;
    let letters = deployment.dead(&["list", "--consumer", "webhook:bad"]).await?;
    ensure!(
        letters.len() == 3 && letters.iter().all(|letter| letter["tries"] == 3 && letter["reason"] == "it answered 500"),
        "{letters:?}"
    );
    let stream = letters[0]["stream"].as_str().context("a stream")?;
    let letter = deployment.dead(&["show", "webhook:bad", stream]).await?.remove(0);
    ensure!(letter["event"]["type"] == "user.registered" && letter["event"]["position"] == letter["position"], "{letter}");

    bad.behave(Manner::Answer(200));
    assert_eq!(deployment.dead(&["retry", "webhook:bad", "--all"]).await?[0]["retried"], 3);
    let requests = bad.until(PATIENCE, "it took three", |requests| registered(requests).len() >= 3).await?;
    // Three streams: each is in order, and all of them are there.
    assert_eq!(registered(&requests).iter().collect::<BTreeSet<_>>(), users.iter().collect());
    deployment.until("bad", "nothing is left", |status| status["dead"] == 0 && status["waiting"] == 0).await?;
    assert_eq!(registered(&good.requests()), users, "nobody else got it again");
    let bad_users = registered(&bad.requests());

    // Now with so little patience that it is disabled.
    node.terminate().await?;
    bad.behave(Manner::Answer(500));
    let mut node = Node::start("an impatient node", deployment.settings.clone().with("WEBHOOK_DELIVERY__DISABLE_AFTER_S", "1")).await?;
    let more = register(&node.base(), 2).await?;
    deployment.until("bad", "it is disabled", |status| status["disabled_at"].is_string()).await?;
    took(&good, &[&users[..], &more].concat()).await?;
    bad.behave(Manner::Answer(200));
    let enabled = deployment.webhooks(&["enable", "bad"]).await?.remove(0);
    ensure!(enabled["enabled"] == true && enabled["position"].is_u64(), "{enabled}");
    // It is recorded, by nobody: at the console.
    let exported = deployment.posthaste("log", &["export", "--type", "operation.webhook_enabled"]).await?;
    let [_, act] = &exported[..] else { bail!("{exported:?}") };
    ensure!(act["position"] == enabled["position"] && act["actor"].is_null(), "{act}");
    ensure!(act["facts"].to_string().contains("webhook:bad"), "{act}");
    // Of one that is sent to nothing is recorded.
    let again = deployment.webhooks(&["enable", "bad"]).await?.remove(0);
    ensure!(again["enabled"] == false && again["position"].is_null(), "{again}");
    took(&bad, &[&bad_users[..], &more].concat()).await?;
    ensure!(deployment.webhooks(&["enable", "nobody"]).await.is_err(), "there is no such endpoint");
    ensure!(deployment.dead(&["show", "webhook:bad", stream]).await.is_err(), "it is dead no more");
    node.still_runs()
}

/// Everything the broker may do to the queue of a durable consumer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_broker_loses_is_sent_all_the_same() -> anyhow::Result<()> {
    let receiver = Receiver::start(Manner::Answer(200)).await?;
    let deployment = Deployment::new(Profile::Distributed, &[("crm", &receiver)]).await?;
    let mut serving = Node::start("serving", deployment.settings.clone().roles("api,gateway,relay,projector")).await?;
    let mut sending = Node::start("sending", deployment.settings.clone().roles("webhooks")).await?;
    let mut users = register(&serving.base(), 2).await?;
    took(&receiver, &users).await?;
    let channel = deployment.channel().await?;

    // Its queue is deleted under it: the relay is told that nobody stores what it publishes, and declares it again.
    channel.queue_delete("posthaste.webhooks".into(), QueueDeleteOptions::default()).await?;
    users.extend(register(&serving.base(), 3).await?);
    took(&receiver, &users).await?;

    // What waits in it is thrown away.
    sending.terminate().await?;
    users.extend(register(&serving.base(), 3).await?);
    let deadline = Instant::now() + PATIENCE;
    let mut purged = 0;
    while purged < 3 {
        ensure!(Instant::now() < deadline, "the relay published {purged} of 3");
        purged += channel.queue_purge("posthaste.webhooks".into(), QueuePurgeOptions::default()).await?;
        sleep(Duration::from_millis(20)).await;
    }
    sending.restart().await?;
    took(&receiver, &users).await?;

    // And another takes over from one that is killed, with more to send.
    let mut other = Node::start("other", deployment.settings.clone().roles("webhooks")).await?;
    sending.kill9()?;
    users.extend(register(&serving.base(), 5).await?);
    took(&receiver, &users).await?;
    serving.still_runs()?;
    other.still_runs()
}
