//! `posthaste trace` and `posthaste relay status`: what is told of one message on its way, and of who takes the log to the broker.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use posthaste_application::recorded::Position;
use posthaste_tests::actor::{Device, User, new_id};
use posthaste_tests::history::{Answer, History};
use posthaste_tests::node::{migrate, posthaste_with, run_posthaste};
use posthaste_tests::services::{Scratch, signal};
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::time::timeout;

use super::{PATIENCE, until};

/// The binary, beside the node that runs.
struct Beside {
    settings: NodeSettings,
    data: Option<String>,
}

impl Beside {
    async fn ask(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let data = self.data.iter().flat_map(|data| ["--data", data]);
        let arguments: Vec<_> = arguments.iter().copied().chain(data).collect();
        let output = run_posthaste(&self.settings, &arguments).await?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    async fn ask_json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.ask(&[arguments, &["--json"]].concat()).await?)?)
    }
}

/// `posthaste log tail --follow`, beside the node that runs.
struct Follower {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Follower {
    fn of(beside: &Beside, arguments: &[&str]) -> anyhow::Result<Self> {
        let data = beside.data.iter().flat_map(|data| ["--data", data]);
        let arguments: Vec<_> = ["log", "tail", "--follow", "--json"].into_iter().chain(arguments.iter().copied()).chain(data).collect();
        let mut command = tokio::process::Command::from(posthaste_with(&beside.settings, &arguments));
        let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let lines = BufReader::new(process.stdout.take().context("its output")?).lines();
        Ok(Self { process, lines })
    }

    async fn next(&mut self) -> anyhow::Result<Value> {
        let line = timeout(PATIENCE, self.lines.next_line()).await.context("nothing came")??;
        Ok(serde_json::from_str(&line.context("it has ended")?)?)
    }

    async fn interrupt(mut self) -> anyhow::Result<ExitStatus> {
        signal("INT", self.process.id().context("it has ended")?);
        Ok(timeout(PATIENCE, self.process.wait()).await.context("it goes on")??)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_followed_to_whoever_has_read_it_embedded() -> anyhow::Result<()> {
    a_message_is_followed_to_whoever_has_read_it(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_followed_to_whoever_has_read_it_distributed() -> anyhow::Result<()> {
    a_message_is_followed_to_whoever_has_read_it(Profile::Distributed).await
}

async fn a_message_is_followed_to_whoever_has_read_it(profile: Profile) -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    let data = folder.path().join("data");
    let mut sandbox = None;
    let (settings, data) = match profile {
        Profile::Embedded => (NodeSettings::embedded(&data), Some(data.to_string_lossy().into_owned())),
        Profile::Distributed => {
            let new = sandbox.insert(Sandbox::new("trace").await?);
            migrate(new).await?;
            (NodeSettings::distributed(new), None)
        }
    };
    let node = Node::start("the node", settings.clone()).await?;
    let beside = Beside { settings, data };
    let (base, history) = (node.base(), History::default());
    let (alice, bob) = (Arc::new(User::register(&base, "alice").await?), Arc::new(User::register(&base, "bob").await?));
    alice.befriend(&base, &bob).await?;
    let thread = alice.open_direct(&base, &bob).await?;
    let nodes = [base.clone()];
    let [phone, laptop] = [&alice, &bob].map(|user| Device::connect(user, &nodes, Position::START, &history));
    phone.live_on(&base, PATIENCE).await?;
    laptop.live_on(&base, PATIENCE).await?;

    // Nothing was posted yet, so whatever comes is shown.
    let mut follower = Follower::of(&beside, &["--type", "message.posted", "-n", "1000"])?;
    let post = async |text: &str| {
        let sending = phone.post(thread, text);
        let message = sending.command.to_string();
        let Answer::Ok { position, .. } = sending.await? else { anyhow::bail!("it was not sent") };
        anyhow::Ok((message, position))
    };
    let (message, position) = post("to be read").await?;
    laptop.stored(position, PATIENCE).await?;
    phone.stored(position, PATIENCE).await?;
    bob.call(&base, Method::PUT, &format!("/v1/threads/{thread}/read"), Some(json!({ "upto": position }))).await?;
    let of = |trace: &Value, user: &User| {
        let everybody = trace["recipients"].as_array().cloned().unwrap_or_default();
        everybody.into_iter().find(|recipient| recipient["user"] == json!(user.id())).unwrap_or_default()
    };
    let followed = |trace: &Value| {
        trace["relay"]["confirmed"] == true && of(trace, &bob)["status"] == "read" && of(trace, &alice)["status"] == "delivered"
    };
    let trace = until("followed to the end", async || beside.ask_json(&["trace", &message]).await, followed).await?;
    ensure!(trace["message"] == message.as_str() && trace["thread"] == json!(thread), "{trace}");
    ensure!(trace["command"]["id"] == message.as_str() && trace["command"]["by"] == json!(alice.id()), "{trace}");
    let shown = beside.ask_json(&["log", "show", &position.to_string()]).await?;
    ensure!(trace["commit"]["hash"] == shown["hash"] && trace["commit"]["position"] == json!(position), "{trace} {shown}");
    ensure!(trace["commit"]["linked"] == true && trace["command"]["fingerprint"] == shown["fingerprint"], "{trace}");
    ensure!(trace["recipients"].as_array().is_some_and(|everybody| everybody.len() == 2), "{trace}");
    let told = of(&trace, &bob);
    ensure!(told["devices"].as_array().is_some_and(|devices| devices.len() == 1), "{trace}");
    ensure!(told["devices"][0]["device"] == json!(laptop.name().device), "{trace}");
    let device = &told["devices"][0]["acknowledged"];
    for way in [vec![&trace["commit"]["at"], device, &told["read"]], vec![&trace["commit"]["at"], &trace["relay"]["at"]]] {
        let times: Vec<_> = way.into_iter().map(|time| time.as_str().and_then(|time| time.parse::<DateTime<Utc>>().ok())).collect();
        ensure!(times.iter().all(Option::is_some) && times.is_sorted(), "{trace}");
    }
    let words = beside.ask(&["trace", &message]).await?;
    ensure!(words.contains("which fits") && words.contains("confirmed by the broker by 20") && words.contains("  read "), "{words}");

    let followed = follower.next().await?;
    ensure!(followed["position"] == json!(position) && followed["type"] == "message.posted", "{followed}");

    // By its position and its own id it is the same; and so any other event is followed.
    for name in [position.to_string(), shown["id"].as_str().context("an id")?.to_owned()] {
        let same = beside.ask_json(&["trace", &name]).await?;
        ensure!(same["event"] == shown["id"] && same["recipients"] == trace["recipients"], "{same}, by message {trace}");
    }
    let opened = beside.ask_json(&["log", "show", "--thread", &thread.to_string(), "--type", "thread.opened"]).await?;
    let name = opened["position"].to_string();
    let taken = |trace: &Value| of(trace, &alice)["status"] == "delivered" && of(trace, &bob)["status"] == "read";
    let other = until("an event that is no message", async || beside.ask_json(&["trace", &name]).await, taken).await?;
    ensure!(other["type"] == "thread.opened" && other["message"].is_null() && other["event"] == opened["id"], "{other}");
    ensure!(beside.ask(&["trace", &name]).await?.contains("thread.opened"), "{other}");

    // An auditor, who is not in the thread, sees what became of it and what it said; also what Bob lets nobody else know.
    let auditor = User::register(&base, "auditor").await?;
    beside.ask(&["users", "grant", auditor.username(), "auditor"]).await?;
    let privacy = json!({ "presence": "everyone", "last_seen": "everyone", "read_receipts": false });
    bob.call(&base, Method::PUT, "/v1/me/privacy", Some(privacy)).await?;
    let path = format!("/v1/messages/{message}/deliveries");
    let told = async |user: &User| user.call(&base, Method::GET, &path, None).await;
    let known = until("a role that is known", async || auditor.answer(&base, Method::GET, &path, None).await, |(status, _)| *status == 200);
    let delivery = &known.await?.1["items"][0];
    ensure!(delivery["user"] == json!(bob.id()) && delivery["status"] == "read" && delivery["read"]["at"].is_string(), "{delivery}");
    let hidden = |told: &Value| told["items"][0]["status"] == "delivered" && told["items"][0]["read"].is_null();
    until("what the author is told", async || told(&alice).await, hidden).await?;
    ensure!(told(&auditor).await?["items"][0]["status"] == "read", "{delivery}");
    let event = auditor.call(&base, Method::GET, &format!("/v1/admin/events/{position}"), None).await?;
    ensure!(event["body"]["content"]["text"] == "to be read", "{event}");

    // Bob has no device any more, so nothing becomes of it for him.
    laptop.leave().await?;
    let (message, position) = post("to nobody").await?;
    phone.stored(position, PATIENCE).await?;
    ensure!(follower.next().await?["position"] == json!(position), "the second one");
    ensure!(follower.interrupt().await?.success(), "whoever follows and has seen enough has not failed");
    let taken = |trace: &Value| of(trace, &alice)["status"] == "delivered";
    let trace = until("taken by its author", async || beside.ask_json(&["trace", &message]).await, taken).await?;
    let told = of(&trace, &bob);
    ensure!(told["status"] == "pending" && told["devices"] == json!([]) && told["read"].is_null(), "{trace}");

    let confirmed = |status: &Value| status["lag"] == 0 && status["unconfirmed_at_most"] == 0 && status["checkpoint"] == status["head"];
    let status = until("confirmed", async || beside.ask_json(&["relay", "status"]).await, confirmed).await?;
    ensure!(status["leader"].is_string() && status["epoch"].as_u64().is_some_and(|epoch| epoch > 0), "{status}");
    ensure!(status["beyond_head"] == false && status["head"].as_u64() >= Some(position.0), "{status}");
    let words = beside.ask(&["relay", "status"]).await?;
    ensure!(words.contains(" relays, in epoch ") && words.contains(", 0 events further"), "{words}");

    let unknown = beside.ask(&["trace", &new_id().to_string()]).await.err().context("a message that is not there was followed")?;
    ensure!(unknown.to_string().contains("there is no message"), "{unknown}");
    Ok(())
}
