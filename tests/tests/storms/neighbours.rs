//! A thousand clients that do not read, in the same thread as others who do: those do not notice.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures::future::try_join_all;
use posthaste_tests::actor::{Socket, User, new_id};
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::alone;
use crate::crowd::{Installation, next, users};

const USERS: usize = 50;
const DEVICES: usize = 20;
/// What a client that stalls takes before it does. Small, so that a thousand of them stall soon.
const WINDOW: usize = 8;
/// Beyond the windows and the inboxes, so that everybody who stalls has done so for good.
const FILLING: usize = 300;
/// Messages of one slice of time on one node.
const SLICE: usize = 150;
/// At least so many slices on each node, and no more than so many.
const SLICES: (usize, usize) = (15, 60);

/// A node with a group in which two talk.
struct Place {
    node: Node,
    _data: Scratch,
    thread: Uuid,
    alice: Socket,
    bob: Socket,
    sent: u64,
}

impl Place {
    async fn new(name: &str) -> anyhow::Result<(Self, Vec<Arc<User>>)> {
        let data = Scratch::new()?;
        // Whoever stalls stays for the whole test.
        let settings = NodeSettings::embedded(&data.path().join("data"))
            .with("GATEWAY__HEARTBEAT_S", "1000")
            .with("GATEWAY__ACK_TIMEOUT_S", "3600")
            .with("GATEWAY__WRITE_TIMEOUT_S", "3600");
        let node = Node::start(name, settings).await?;
        let base = node.base();
        let (alice, bob) = (User::register(&base, "alice").await?, User::register(&base, "bob").await?);
        let crowd = users(&base, "crowd", USERS).await?;
        let members: Vec<_> = crowd.iter().map(|user| user.id()).chain([bob.id()]).collect();
        let group = json!({ "kind": "group", "title": "The group", "members": members });
        let group = alice.call(&base, Method::POST, "/v1/threads", Some(group)).await?;
        let thread = group["id"].as_str().context("a thread has an id")?.parse()?;
        let (alice, bob) =
            (Socket::hello(&base, &alice, new_id(), Value::Null).await?, Socket::hello(&base, &bob, new_id(), Value::Null).await?);
        let mut place = Self { node, _data: data, thread, alice, bob, sent: 0 };
        place.settle().await?;
        Ok((place, crowd))
    }

    /// Until both who talk are live.
    async fn settle(&mut self) -> anyhow::Result<()> {
        for socket in [&mut self.alice, &mut self.bob] {
            loop {
                let frame = next(socket).await?;
                if frame["t"] == "live" {
                    socket.send(&json!({ "t": "ack", "position": frame["position"] })).await?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Alice says something, and Bob gets it: how long that took.
    async fn say(&mut self) -> anyhow::Result<Duration> {
        self.sent += 1;
        let key = new_id();
        let body = json!({ "thread": self.thread, "content": { "kind": "text", "text": "hi" } });
        let begun = Instant::now();
        self.alice.send(&json!({ "t": "cmd", "id": self.sent, "key": key, "op": "message.post", "body": body })).await?;
        let got = Self::until(&mut self.bob, key).await.context("bob")?;
        let took = begun.elapsed();
        let own = Self::until(&mut self.alice, key).await.context("alice")?;
        ensure!(got == own, "{got} is not {own}");
        Ok(took)
    }

    /// Reads and acks up to the event of a command.
    async fn until(socket: &mut Socket, key: Uuid) -> anyhow::Result<Value> {
        loop {
            let frame = next(socket).await?;
            match frame["t"].as_str() {
                Some("ev") => {
                    let position = frame["position"].clone();
                    socket.send(&json!({ "t": "ack", "position": position })).await?;
                    if frame["key"] == json!(key) {
                        return Ok(position);
                    }
                }
                Some("ok" | "hb" | "receipt") => {}
                _ => bail!("{frame}"),
            }
        }
    }

    /// The 99th percentile of a slice of time.
    async fn slice(&mut self) -> anyhow::Result<f64> {
        let mut took = Vec::with_capacity(SLICE);
        for _ in 0..SLICE {
            took.push(self.say().await?.as_secs_f64());
        }
        took.sort_unstable_by(f64::total_cmp);
        Ok(took[SLICE * 99 / 100])
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What the median is above almost certainly (99 of 100): one slice may be nine times another on a machine that others use as well, and half of so
/// few say little about a tenth.
fn at_least(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len() as f64;
    values[(count / 2.0 - 2.33 * count.sqrt() / 2.0).floor().max(0.0) as usize]
}

#[tokio::test]
async fn a_thousand_clients_that_stall_do_not_slow_down_those_beside_them() -> anyhow::Result<()> {
    let _alone = alone().await;
    // Two nodes alike, but for the thousand, measured in turn: whatever else the machine does, it does to both.
    let (mut with, crowd) = Place::new("a node with a thousand that stall").await?;
    let (mut without, _) = Place::new("a node without").await?;
    let base = with.node.base();
    let stalled = crowd.iter().flat_map(|user| (0..DEVICES).map(|_| Installation::new(user)));
    let stalled = stalled.map(|installation| {
        let base = &base;
        async move {
            // It says hello, gets its welcome, and never reads again.
            let mut socket = installation.hello(base, json!({ "window": WINDOW })).await?;
            let welcome = next(&mut socket).await?;
            ensure!(welcome["t"] == "welcome", "{welcome}");
            anyhow::Ok(socket)
        }
    });
    let mut stalled = try_join_all(stalled).await?;
    for _ in 0..FILLING {
        with.say().await?;
        without.say().await?;
    }
    let (mut slices, mut ratios) = ((Vec::new(), Vec::new()), Vec::new());
    loop {
        // In turn who is first.
        let (a, b) = if ratios.len() % 2 == 0 {
            let a = with.slice().await?;
            (a, without.slice().await?)
        } else {
            let b = without.slice().await?;
            (with.slice().await?, b)
        };
        slices.0.push(a);
        slices.1.push(b);
        ratios.push(a / b);
        // When in doubt, more of them tell.
        if ratios.len() >= SLICES.1 || ratios.len() >= SLICES.0 && median(&ratios) < 1.05 {
            break;
        }
    }
    let (ratio, p99) = (median(&ratios), (median(&slices.0) * 1e3, median(&slices.1) * 1e3));
    println!("{} slices: p99 {:.2} ms with the thousand, {:.2} ms without, median of the ratios {ratio:.3}", ratios.len(), p99.0, p99.1);
    // They are all still there, and have got what their window takes.
    for socket in &mut stalled {
        // A task that looks at a thousand sockets without a pause is shown nothing after the first hundred.
        tokio::task::yield_now().await;
        let mut events = 0;
        while let Some(incoming) = socket.next_now()? {
            let posthaste_tests::actor::Incoming::Frame(frame) = incoming else { bail!("it ended: {incoming:?}") };
            ensure!(frame["t"] == "ev" || frame["t"] == "live", "{frame}");
            events += usize::from(frame["t"] == "ev");
        }
        ensure!(events == WINDOW, "{events} events in a window of {WINDOW}");
    }
    let surely = at_least(&ratios);
    ensure!(surely < 1.1, "p99 is at least {surely:.3} of what it is without: {ratios:.2?}");
    Ok(())
}
