//! Deleting one's own account, on servers that run: it ends at once, comes back whole if its owner thinks better of it, and is erased when
//! its time has come, whatever becomes of the servers.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use anyhow::{Context as _, ensure};
use posthaste_tests::actor::{Incoming, Socket, User, new_id};
use posthaste_tests::node::{migrate, run_posthaste};
use posthaste_tests::patience::{PATIENCE, until};
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

/// A deployment: one server, or two over the same services.
struct Deployment {
    nodes: Vec<Node>,
    settings: NodeSettings,
    _sandbox: Option<Sandbox>,
    _data: Scratch,
}

impl Deployment {
    async fn start(profile: Profile, grace_s: u32) -> anyhow::Result<Self> {
        let data = Scratch::new()?;
        let (settings, sandbox) = match profile {
            Profile::Embedded => (NodeSettings::embedded(&data.path().join("data")), None),
            Profile::Distributed => {
                let sandbox = Sandbox::new("deleting").await?;
                migrate(&sandbox).await?;
                (NodeSettings::distributed(&sandbox), Some(sandbox))
            }
        };
        let settings = settings.with("RULES__DELETION_GRACE_S", grace_s.to_string());
        let mut nodes = vec![Node::start("one", settings.clone()).await?];
        if profile == Profile::Distributed {
            nodes.push(Node::start("other", settings.clone()).await?);
        }
        Ok(Self { nodes, settings, _sandbox: sandbox, _data: data })
    }

    fn ends(&self) -> (String, String) {
        (self.nodes[0].base(), self.nodes[self.nodes.len() - 1].base())
    }

    /// The events of a type, as the log has them.
    async fn recorded(&self, event_type: &str) -> anyhow::Result<usize> {
        let ran = run_posthaste(&self.settings, &["log", "export", "--type", event_type]).await?;
        ensure!(ran.status.success(), "{ran:?}");
        // The last line is about the export itself.
        let of_the_type = format!("\"type\":\"{event_type}\"");
        Ok(String::from_utf8(ran.stdout)?.lines().filter(|line| line.contains(&of_the_type)).count())
    }
}

async fn leave(base: &str, user: &User) -> anyhow::Result<String> {
    let ending = user.call(base, Method::POST, "/v1/me/deletion", Some(json!({ "username": user.username() }))).await?;
    ending["final_at"].as_str().map(str::to_owned).context("a time")
}

/// Logs somebody in, and gives what was answered. `through` only carries the request.
async fn log_in(base: &str, through: &User, user: &User, cancel: bool) -> anyhow::Result<(u16, Value)> {
    let body = json!({ "login": user.username(), "password": user.password(), "cancel_deletion": cancel });
    through.answer(base, Method::POST, "/v1/sessions", Some(body)).await
}

fn code(answer: &(u16, Value)) -> (u16, Option<&str>) {
    (answer.0, answer.1["code"].as_str())
}

async fn found(base: &str, by: &User, user: &User) -> anyhow::Result<bool> {
    let found = by.call(base, Method::GET, &format!("/v1/users?q={}", user.username()), None).await?;
    Ok(found.to_string().contains(&user.id().to_string()))
}

async fn whoever_leaves_is_gone_at_once_and_may_come_back(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile, 100_000).await?;
    let (first, last) = deployment.ends();
    let (alice, bob) = tokio::try_join!(User::register(&first, "alice"), User::register(&first, "bob"))?;
    let mut socket = Socket::hello(&last, &alice, new_id(), json!({})).await?;
    let see = async || found(&last, &bob, &alice).await;
    until("she is found", see, |found| *found).await?;

    let other = json!({ "username": "another" });
    let refused = alice.answer(&first, Method::POST, "/v1/me/deletion", Some(other)).await?;
    ensure!(code(&refused) == (400, Some("validation")), "{refused:?}");
    let final_at = leave(&first, &alice).await?;

    // At once, and everywhere.
    loop {
        match timeout(PATIENCE, socket.next()).await.context("the socket stays")?? {
            Incoming::Frame(_) => {}
            Incoming::Closed(close, _) => break ensure!(close == 4202 || close == 4203, "{close}"),
            Incoming::Cut => anyhow::bail!("without a word"),
        }
    }
    for base in [&first, &last] {
        let refused = alice.answer(base, Method::GET, "/v1/me", None).await?;
        ensure!(code(&refused) == (401, Some("session_revoked")), "{refused:?}");
        let pending = log_in(base, &bob, &alice, false).await?;
        ensure!(code(&pending) == (403, Some("deletion_pending")), "{pending:?}");
        ensure!(pending.1["detail"].as_str().is_some_and(|detail| detail.contains(&final_at[..19])), "{pending:?} without {final_at}");
    }
    let asked = bob.answer(&first, Method::POST, "/v1/friend-requests", Some(json!({ "user": alice.id() }))).await?;
    let written = bob.answer(&last, Method::PUT, &format!("/v1/threads/direct/{}", alice.id()), None).await?;
    for begun in [asked, written] {
        ensure!(code(&begun) == (404, Some("not_found")), "nobody begins anything with her: {begun:?}");
    }
    until("nobody finds her", see, |found| !*found).await?;
    let shown = bob.call(&last, Method::GET, &format!("/v1/users/{}", alice.id()), None).await?;
    ensure!(shown["username"] == alice.username(), "what is there stays until the end: {shown}");

    // A wrong password says nothing of it, and brings nobody back.
    let wrong = json!({ "login": alice.username(), "password": "not my password", "cancel_deletion": true });
    let wrong = bob.answer(&first, Method::POST, "/v1/sessions", Some(wrong)).await?;
    ensure!(code(&wrong) == (401, Some("unauthorized")), "{wrong:?}");

    let stale = alice.token();
    let back = log_in(&last, &bob, &alice, true).await?;
    ensure!(back.0 == 201, "{back:?}");
    alice.log_in(&first).await?;
    ensure!(alice.token() != stale);
    ensure!(alice.call(&last, Method::GET, "/v1/me", None).await?["username"] == alice.username());
    until("she is found again", see, |found| *found).await?;
    bob.befriend(&first, &alice).await?;
    ensure!(deployment.recorded("user.erased").await? == 0);
    Ok(())
}

async fn whoever_has_left_is_erased_once_whatever_becomes_of_the_servers(profile: Profile) -> anyhow::Result<()> {
    let mut deployment = Deployment::start(profile, 2).await?;
    let (first, last) = deployment.ends();
    let (alice, bob) = tokio::try_join!(User::register(&first, "alice"), User::register(&first, "bob"))?;
    leave(&first, &alice).await?;
    // Nobody is there when the time comes.
    for node in &mut deployment.nodes {
        node.kill9()?;
    }
    for node in &mut deployment.nodes {
        node.restart().await?;
    }
    let shown = async || bob.call(&last, Method::GET, &format!("/v1/users/{}", alice.id()), None).await;
    until("she is erased", shown, |shown| shown["username"].is_null() && shown["display_name"].is_null()).await?;
    let gone = async || log_in(&first, &bob, &alice, true).await;
    until("she has nothing to log in with", gone, |answer| code(answer) == (401, Some("unauthorized"))).await?;
    // What is done is not done again, by none of the servers, nor by those after them.
    for node in &mut deployment.nodes {
        node.kill9()?;
        node.restart().await?;
    }
    let carol = User::register(&first, "carol").await?;
    leave(&first, &carol).await?;
    let erased = async || deployment.recorded("user.erased").await;
    until("who comes after her is erased as well", erased, |erased| *erased == 2).await?;
    ensure!(deployment.recorded("user.deletion_requested").await? == 2);
    Ok(())
}

macro_rules! on_both_profiles {
    ($($case:ident,)+) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() -> anyhow::Result<()> {
                    super::$case(posthaste_tests::Profile::Embedded).await
                }
            )+
        }

        mod distributed {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() -> anyhow::Result<()> {
                    super::$case(posthaste_tests::Profile::Distributed).await
                }
            )+
        }
    };
}

on_both_profiles! {
    whoever_leaves_is_gone_at_once_and_may_come_back,
    whoever_has_left_is_erased_once_whatever_becomes_of_the_servers,
}
