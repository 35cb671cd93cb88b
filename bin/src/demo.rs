//! `posthaste demo`: the promise, shown on real sockets in a few seconds.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use indicatif::ProgressBar;
use posthaste_application::Ports;
use posthaste_application::deliver::{Deliveries, OnDevice};
use posthaste_application::recorded::Position;
use posthaste_domain::UserId;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::cli::out::say;
use crate::client::{Person, Socket};
use crate::roles::Role;
use crate::{cli, serve};

/// How many messages are sent.
const MESSAGES: usize = 10;
/// After how many the socket is cut.
const CUT_AFTER: usize = 5;
/// How long the last acknowledgement may take to be written.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a device has stored. It takes an event and moves its cursor in one step, and acknowledges after that.
struct Storage {
    cursor: u64,
    messages: Vec<(u64, String)>,
    duplicates: usize,
    holes: usize,
}

impl Storage {
    /// Takes events until it has this many messages, and acknowledges each.
    async fn receive(&mut self, socket: &mut Socket, messages: usize) -> anyhow::Result<()> {
        while self.messages.len() < messages {
            let event = socket.next().await?;
            if event["t"] != "ev" {
                continue;
            }
            let position = event["position"].as_u64().context("an event has a position")?;
            if position <= self.cursor {
                self.duplicates += 1;
                continue;
            }
            if event["prev"].as_u64() != Some(self.cursor) {
                self.holes += 1;
            }
            self.cursor = position;
            if event["type"] == "message.posted" {
                let text = event["body"]["content"]["text"].as_str().unwrap_or_default().to_owned();
                self.messages.push((position, text));
            }
            socket.ack(position).await?;
        }
        Ok(())
    }
}

/// Runs the demo on an embedded server of its own.
pub(crate) async fn demo(data: Option<PathBuf>, json: bool) -> anyhow::Result<()> {
    let say = |line: &str| {
        if !json {
            say!("{line}");
        }
    };
    let temporary = tempfile::tempdir()?;
    let data = data.unwrap_or_else(|| temporary.path().join("data"));
    let listen = "127.0.0.1:0".parse().context("a loopback address")?;
    let config = cli::load(None, Some(data), Some(listen))?;
    let server = serve::start(&config, &Role::ALL).await?;
    let base = format!("http://{}", server.address());
    say(&format!("A server is running at {base}, on SQLite and nothing else."));

    let ports = server.ports().clone();
    let shown = show(&base, &ports, &say).await;
    let stopped = server.stop().await;
    let report = shown?;
    stopped?;
    if json {
        say!("{report}");
    } else {
        say!("\n{report}");
    }
    ensure!(
        report["delivered"] == report["sent"] && report["duplicates"] == 0 && report["holes"] == 0 && report["log"] == "verified",
        "the promise was not kept: {report}"
    );
    Ok(())
}

async fn show(base: &str, ports: &Ports, say: &impl Fn(&str)) -> anyhow::Result<Value> {
    let tag = ports.ids.next().simple().to_string().split_off(24);
    let alice = Person::register(base, &format!("alice.{tag}"), "Alice", ports.ids.next()).await?;
    let bob = Person::register(base, &format!("bob.{tag}"), "Bob", ports.ids.next()).await?;
    alice.call(Method::POST, "/v1/friend-requests", Some(json!({ "user": bob.user }))).await?;
    bob.call(Method::PUT, &format!("/v1/friends/{}", alice.user), None).await?;
    let thread = alice.call(Method::PUT, &format!("/v1/threads/direct/{}", bob.user), None).await?["id"].clone();
    say("Alice and Bob have registered and are friends.");

    let device = ports.ids.next();
    let mut from_alice = alice.connect(ports.ids.next(), None).await?;
    from_alice.expect("welcome").await?;
    let mut to_bob = bob.connect(device, None).await?;
    let cursor = to_bob.expect("welcome").await?["cursor"].as_u64().context("a cursor exists from the first frame")?;
    let mut stored = Storage { cursor, messages: Vec::new(), duplicates: 0, holes: 0 };

    let mut sent = Vec::new();
    say(&format!("Alice sends {MESSAGES} messages. Each `ok` means: durable."));
    for number in 1..=CUT_AFTER {
        sent.push(send(&mut from_alice, &thread, number, ports.ids.next(), say).await?);
    }
    stored.receive(&mut to_bob, CUT_AFTER - 1).await?;
    say(&format!("Bob has stored {} of them when his connection dies, without a word, in the middle.", stored.messages.len()));
    to_bob.cut();
    for number in CUT_AFTER + 1..=MESSAGES {
        sent.push(send(&mut from_alice, &thread, number, ports.ids.next(), say).await?);
    }
    let mut to_bob = bob.connect(device, Some(stored.cursor)).await?;
    let welcome = to_bob.expect("welcome").await?;
    say(&format!("Bob is back and goes on after position {}; the log is at {}.", welcome["cursor"], welcome["head"]));
    stored.receive(&mut to_bob, MESSAGES).await?;

    let delivered = stored.messages.iter().zip(&sent).filter(|(received, sent)| received == sent).count();
    ensure!(stored.messages.len() == sent.len(), "{} messages arrived, {} were sent", stored.messages.len(), sent.len());
    say("What became of each message for Bob:");
    for (position, text) in &sent {
        let (device, at) = delivery(ports, bob.user, Position(*position)).await?;
        say(&format!("  {position:>4}  \"{text}\": delivered to device {device} at {at}"));
    }
    let verdict = cli::log::check(&ports.log, &ProgressBar::hidden()).await?;
    let head = ports.log.head().await?.position;
    Ok(json!({
        "sent": sent.len(),
        "delivered": delivered,
        "duplicates": stored.duplicates,
        "holes": stored.holes,
        "log": if verdict.is_ok() { "verified" } else { "broken" },
        "head": head,
    }))
}

async fn send(socket: &mut Socket, thread: &Value, number: usize, key: Uuid, say: &impl Fn(&str)) -> anyhow::Result<(u64, String)> {
    let text = format!("message {number} of {MESSAGES}");
    let ok = socket.post(key, thread, &text).await?;
    let position = ok["result"]["position"].as_u64().context("an ok has a position")?;
    say(&format!("  ok  \"{text}\" is at position {position}"));
    Ok((position, text))
}

/// Waits until the event is known to be delivered: acknowledgements are written in batches.
async fn delivery(ports: &Ports, user: Uuid, position: Position) -> anyhow::Result<(String, String)> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let everybodys = Deliveries { except: None, stage: None, after: None, limit: usize::MAX };
        let deliveries = everybodys.of(&*ports.log, &*ports.cursors, None, position).await?;
        let delivery = deliveries.into_iter().find(|delivery| delivery.user == UserId::new(user));
        if let Some(OnDevice { at, device }) = delivery.and_then(|delivery| delivery.delivered) {
            return Ok((device.to_string(), at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)));
        }
        ensure!(Instant::now() < deadline, "position {position} is still pending");
        sleep(Duration::from_millis(10)).await;
    }
}
