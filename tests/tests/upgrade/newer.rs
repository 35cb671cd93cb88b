//! A newer node records what this one does not know: it is delivered all the same, and only what it changes is left to newer nodes.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use posthaste_application::port::EventLog;
use posthaste_application::recorded::{Append, Check, Expected, NewEvent, Position, StreamId};
use posthaste_domain::{Addressee, Category, CommandId, MembershipChange, ThreadId, UserId};
use posthaste_tests::Profile;
use posthaste_tests::actor::{Device, Incoming, Socket, User, new_id};
use posthaste_tests::contract::allow_events_of_tomorrow;
use posthaste_tests::frozen::{Deployment, post};
use posthaste_tests::history::History;
use posthaste_tests::patience::until;
use posthaste_tests::receiver::{Manner, Receiver};
use posthaste_tests::services::connect;
use reqwest::Method;
use serde_json::{Value, json};

use crate::PATIENCE;

/// Enough to have all of a log.
const ALL: usize = 10_000;

/// What a newer node records.
struct OfTomorrow {
    stream: StreamId,
    event_type: &'static str,
    schema: u16,
    facts: Value,
    content: Option<Value>,
    thread: Option<ThreadId>,
    addressees: Vec<Addressee>,
}

impl OfTomorrow {
    async fn record(&self, log: &dyn EventLog, by: UserId) -> anyhow::Result<Position> {
        let version = log.read_stream(self.stream, 0, ALL).await?.len() as u64;
        let command = new_id();
        let event = NewEvent {
            stream: self.stream,
            version: version + 1,
            event_type: self.event_type.to_owned(),
            schema: self.schema,
            facts: self.facts.to_string(),
            content: self.content.as_ref().map(|content| content.to_string().into_bytes()),
            owner: None,
            thread: self.thread,
            addressees: self.addressees.clone(),
        };
        let append = Append {
            command: CommandId::new(command),
            fingerprint: [7; 32],
            actor: Some(by),
            correlation: command,
            causation: None,
            checks: vec![Check { stream: self.stream, expected: Expected::of(version) }],
            events: vec![event],
            unsealed: None,
        };
        Ok(log.append(&[append]).await?.remove(0)?.last)
    }
}

fn stream(category: &str, id: impl Into<uuid::Uuid>) -> anyhow::Result<StreamId> {
    Ok(StreamId { category: Category::parse(category).context("a category")?, id: id.into() })
}

/// Four people, a group of three of them, and two direct threads.
struct World {
    base: String,
    users: Vec<Arc<User>>,
    group: ThreadId,
    direct: ThreadId,
    other: ThreadId,
}

impl World {
    async fn begin(base: String) -> anyhow::Result<Self> {
        let mut users = Vec::new();
        for name in ["alice", "bob", "carol", "dave"] {
            users.push(Arc::new(User::register(&base, name).await?));
        }
        let (alice, bob, carol) = (&users[0], &users[1], &users[2]);
        alice.befriend(&base, bob).await?;
        alice.befriend(&base, carol).await?;
        let (direct, other) = (alice.open_direct(&base, bob).await?, alice.open_direct(&base, carol).await?);
        let group = json!({ "kind": "group", "title": "Of today", "members": [bob.id(), carol.id()] });
        let group = alice.call(&base, Method::POST, "/v1/threads", Some(group)).await?["id"].as_str().context("an id")?.parse()?;
        Ok(Self { base, users, group, direct, other })
    }

    /// Everything that a newer node can do to this one: types, categories and forms that it does not know.
    fn of_tomorrow(&self) -> anyhow::Result<Vec<OfTomorrow>> {
        let [alice, bob, dave] = [0, 1, 3].map(|who: usize| self.users[who].id());
        let (poll, message, edited) = (new_id(), new_id(), new_id());
        let joins = Addressee { user: dave, change: Some(MembershipChange::Joined) };
        let named = Addressee { user: bob, change: None };
        Ok(vec![
            // A type, in a thread that everybody here is in; somebody becomes a member with it.
            OfTomorrow {
                stream: stream("thread", self.group)?,
                event_type: "thread.merged",
                schema: 1,
                facts: json!({ "thread": self.group, "by": alice, "added": [dave] }),
                content: None,
                thread: Some(self.group),
                addressees: vec![joins],
            },
            // A category.
            OfTomorrow {
                stream: stream("poll", poll)?,
                event_type: "poll.opened",
                schema: 3,
                facts: json!({ "poll": poll, "thread": self.group, "by": alice }),
                content: Some(json!({ "question": "Pizza?" })),
                thread: Some(self.group),
                addressees: vec![],
            },
            // A newer form, with more in it.
            OfTomorrow {
                stream: stream("message", message)?,
                event_type: "message.posted",
                schema: 2,
                facts: json!({ "message": message, "thread": self.direct, "author": alice, "urgent": true }),
                content: Some(json!({ "kind": "text", "text": "of tomorrow" })),
                thread: Some(self.direct),
                addressees: vec![],
            },
            // A newer form that is nothing like the one before, and names somebody.
            OfTomorrow {
                stream: stream("message", edited)?,
                event_type: "message.edited",
                schema: 7,
                facts: json!({ "patch": [["=", 4], ["+", "!"]] }),
                content: None,
                thread: Some(self.other),
                addressees: vec![named],
            },
        ])
    }

    /// What the log owes a user.
    async fn owed(&self, log: &dyn EventLog, user: UserId) -> anyhow::Result<Vec<Position>> {
        let owed = log.read_for_user(user, Position::START, log.head().await?.position, ALL).await?;
        Ok(owed.iter().map(|event| event.position).collect())
    }
}

/// How often a device had to go on from the log.
async fn overflows(base: &str) -> anyhow::Result<String> {
    let metrics = posthaste_tests::http::get(format!("{base}/metrics")).await?.text().await?;
    let line = metrics.lines().find(|line| line.starts_with("posthaste_overflows_total")).context("no such metric")?;
    Ok(line.to_owned())
}

async fn what_a_newer_node_records_is_delivered(profile: Profile) -> anyhow::Result<()> {
    allow_events_of_tomorrow();
    let endpoint = Receiver::start(Manner::Answer(200)).await?;
    let deployment = Deployment::new(profile, &endpoint).await?;
    let mut node = deployment.start().await?;
    let world = World::begin(node.base()).await?;
    let (base, nodes, history) = (&world.base, [world.base.clone()], History::default());
    let devices: Vec<_> = world.users.iter().map(|user| Device::connect(user, &nodes, Position::START, &history)).collect();
    for device in &devices {
        device.live_on(base, PATIENCE).await?;
    }
    let (_, before) = post(&devices[0], world.group, "before".to_owned()).await?;
    // One of Carol's devices is away while it happens.
    let away = Device::connect(&world.users[2], &nodes, Position::START, &history);
    away.stored(before, PATIENCE).await?;
    let (name, storage) = (away.name(), away.leave().await?);
    let fell_behind = overflows(base).await?;

    let log = deployment.log().await?;
    let (mut recorded, mut posted) = (Vec::new(), Vec::new());
    let of_tomorrow = world.of_tomorrow()?;
    for (number, event) in of_tomorrow.iter().enumerate() {
        recorded.push(event.record(&*log, world.users[0].id()).await?);
        // Other threads are untouched, and so is one that has a message of tomorrow in it.
        for (device, thread) in [(&devices[1], world.direct), (&devices[2], world.other)] {
            posted.push(post(device, thread, format!("after {number}")).await?.1);
        }
    }
    // Dave is a member by now.
    let last = of_tomorrow[1].record(&*log, world.users[1].id()).await?;
    recorded.push(last);

    for (device, user) in devices.iter().zip(&world.users) {
        let owed = world.owed(&*log, user.id()).await?;
        device.stored(*owed.last().context("owed something")?, PATIENCE).await?;
        let stored: Vec<_> = device.storage().events.iter().map(|event| event.position).collect();
        ensure!(stored == owed, "{profile:?}: {device:?} stored {stored:?}, and is owed {owed:?}");
        ensure!(device.connections() == 1, "{device:?} was let go of");
    }
    let dave: Vec<_> = devices[3].storage().events.iter().map(|event| event.position).filter(|position| *position > before).collect();
    ensure!(dave == [recorded[0], recorded[1], last], "{dave:?} of {recorded:?}");
    ensure!(overflows(base).await? == fell_behind, "somebody had to read from the log: {}", overflows(base).await?);
    let away = Device::resume(&world.users[2], name.device, &nodes, storage, &history);
    let owed = world.owed(&*log, world.users[2].id()).await?;
    away.stored(*owed.last().context("owed something")?, PATIENCE).await?;
    let stored: Vec<_> = away.storage().events.iter().map(|event| event.position).collect();
    ensure!(stored == owed && away.connections() == 1, "{away:?} stored {stored:?}, and is owed {owed:?}");

    as_it_is_stored(&world, &of_tomorrow, &recorded).await?;
    left_to_newer_nodes(&world).await?;
    looked_at(&deployment, &recorded, &*log).await?;
    parked_until_it_is_known(&deployment, &world, &of_tomorrow).await?;
    // Its type was asked for, so it is told, as it is.
    let all = [before, recorded[2]].into_iter().chain(posted).map(|position| position.0);
    let mut all: Vec<_> = all.collect();
    all.sort_unstable();
    endpoint.until(PATIENCE, "the endpoint is told", |requests| requests.len() >= all.len()).await?;
    ensure!(endpoint.took()? == all, "{:?}, and not {all:?}", endpoint.took()?);
    drop((devices, away));
    ensure!(!node.logs().contains("panicked"), "{}", node.logs());
    ensure!(node.terminate().await?.success(), "{}", node.logs());
    Ok(())
}

/// The frames have the type, the version and the body that were recorded.
async fn as_it_is_stored(world: &World, of_tomorrow: &[OfTomorrow], recorded: &[Position]) -> anyhow::Result<()> {
    let mut socket = Socket::hello(&world.base, &world.users[1], new_id(), json!({ "cursor": recorded[0].0 - 1 })).await?;
    let bobs = [0, 1, 2, 3];
    for number in bobs {
        let frame = loop {
            let Incoming::Frame(frame) = socket.next().await? else { anyhow::bail!("closed") };
            if frame["position"] == recorded[number].0 {
                break frame;
            }
        };
        let event = &of_tomorrow[number];
        let mut body = event.facts.clone();
        if let Some(content) = &event.content {
            body["content"] = content.clone();
        }
        ensure!(frame["type"] == event.event_type && frame["v"] == event.schema && frame["body"] == body, "{frame}, and not {body}");
    }
    Ok(())
}

/// A command that rests on what is not understood here is refused, over REST and over a socket; every other is not.
async fn left_to_newer_nodes(world: &World) -> anyhow::Result<()> {
    let (base, alice) = (&world.base, &world.users[0]);
    let message = json!({ "content": { "kind": "text", "text": "into the group" } });
    let (status, problem) = alice.answer(base, Method::POST, &format!("/v1/threads/{}/messages", world.group), Some(message)).await?;
    ensure!(status == 503 && problem["code"] == "newer_version", "{status}: {problem}");
    let mut socket = Socket::hello(base, alice, new_id(), json!({ "cursor": 0 })).await?;
    let body = json!({ "thread": world.group, "content": { "kind": "text", "text": "into the group" } });
    socket.send(&json!({ "t": "cmd", "id": 1, "key": new_id(), "op": "message.post", "body": body })).await?;
    let err = loop {
        let Incoming::Frame(frame) = socket.next().await? else { anyhow::bail!("closed") };
        if frame["re"] == 1 {
            break frame;
        }
    };
    ensure!(err["t"] == "err" && err["code"] == "newer_version" && err["retry"] == "after", "{err}");
    ensure!(err["retry_after_ms"].as_u64().is_some_and(|wait| wait >= 1_000), "{err}");
    Ok(())
}

/// What this program does not know parks its stream in the views, and nothing else; with a program that knows it, it is taken in.
async fn parked_until_it_is_known(deployment: &Deployment, world: &World, of_tomorrow: &[OfTomorrow]) -> anyhow::Result<()> {
    let streams: Vec<_> = of_tomorrow.iter().map(|event| event.stream.to_string()).collect();
    let urgent = &streams[2];
    let letters = async || -> anyhow::Result<Vec<Value>> {
        let said = deployment.says(&["dead", "list", "--json"]).await?;
        Ok(said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    };
    let parked = |letters: &Vec<Value>, view: &str, stream: &str| {
        letters.iter().any(|letter| letter["consumer"] == format!("view:{view}") && letter["stream"] == *stream)
    };
    let found = until(
        "they are parked",
        async || letters().await,
        |letters| parked(letters, "timeline", urgent) && parked(letters, "threads", &streams[0]),
    )
    .await?;
    for letter in &found {
        ensure!(letter["stream"].as_str().is_some_and(|stream| streams.iter().any(|known| known == stream)), "{letter}");
    }
    // The view goes on: what was posted after it in the same thread is there.
    let path = format!("/v1/threads/{}/messages", world.direct);
    let shown = async || -> anyhow::Result<Vec<String>> {
        let answer = world.users[0].call(&world.base, Method::GET, &path, None).await?;
        let text = |item: &Value| item["content"]["text"].as_str().map(ToOwned::to_owned);
        Ok(answer["items"].as_array().into_iter().flatten().filter_map(text).rev().collect())
    };
    let mut texts: Vec<String> = (0..of_tomorrow.len()).map(|number| format!("after {number}")).collect();
    until("what came after it", async || shown().await, |shown| *shown == texts).await?;

    // As a program sees it that knows this form: it has an upcast to what it makes of it.
    let facts = json!({ "message": of_tomorrow[2].stream.id, "thread": world.direct, "author": world.users[0].id() });
    let known = format!("UPDATE events SET schema = 1, facts = '{facts}' WHERE event_type = 'message.posted' AND schema = 2");
    match &deployment.sandbox {
        None => {
            let file = rusqlite::Connection::open(deployment.data().join("posthaste.db"))?;
            let triggers = "SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'events'";
            let drops: Vec<String> = file.prepare(triggers)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            file.execute_batch(&[&drops[..], &[known]].concat().join(";"))?;
        }
        Some(sandbox) => {
            let owner = connect(&sandbox.postgres_owner_url()).await?;
            owner.execute("ALTER TABLE events DISABLE TRIGGER USER", &[]).await?;
            ensure!(owner.execute(&known, &[]).await? == 1, "{known}");
        }
    }
    for view in ["timeline", "threads"] {
        if parked(&found, view, urgent) {
            deployment.says(&["dead", "retry", &format!("view:{view}"), urgent]).await?;
        }
    }
    texts.insert(texts.len().min(2), "of tomorrow".to_owned());
    let shown = until("it is taken in", async || shown().await, |shown| shown.len() == texts.len()).await?;
    // In its place: after what was posted with the two events before it.
    ensure!(shown == texts, "{shown:?}, and not {texts:?}");
    ensure!(!parked(&letters().await?, "timeline", urgent), "it is parked still");
    Ok(())
}

/// Whoever looks at the log sees it as it is.
async fn looked_at(deployment: &Deployment, recorded: &[Position], log: &dyn EventLog) -> anyhow::Result<()> {
    let head = log.head().await?.position;
    let verified: Value = serde_json::from_str(deployment.says(&["log", "verify", "--json"]).await?.trim())?;
    ensure!(verified["log"] == "verified" && verified["head"].as_u64() >= Some(head.0), "{verified}");
    let shown: Value = serde_json::from_str(deployment.says(&["log", "show", &recorded[0].to_string(), "--json"]).await?.trim())?;
    ensure!(shown["type"] == "thread.merged" && shown["audience"]["named"][0]["membership"] == "joined", "{shown}");
    ensure!(shown["audience"]["recipients"].as_array().is_some_and(|users| users.len() == 4), "{shown}");
    let exported = deployment.says(&["log", "export"]).await?;
    ensure!(exported.matches("\"category\":\"poll\"").count() == 2, "{exported}");
    let events = deployment.says(&["log", "export", "--format", "cloudevents"]).await?;
    ensure!(events.matches("poll.opened").count() == 2, "{events}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_newer_node_records_is_delivered_by_this_one_embedded() -> anyhow::Result<()> {
    what_a_newer_node_records_is_delivered(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_newer_node_records_is_delivered_by_this_one_distributed() -> anyhow::Result<()> {
    what_a_newer_node_records_is_delivered(Profile::Distributed).await
}
