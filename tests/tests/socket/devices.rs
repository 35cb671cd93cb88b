//! Many devices of one user, and what the author of a message learns of them.

use anyhow::{Context as _, ensure};
use posthaste_domain::ThreadId;
use posthaste_tests::actor::{Refused, User, new_id};
use posthaste_tests::node::migrate;
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox, Stage};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};
use uuid::Uuid;

use crate::wire::{Friends, PATIENCE, Wire};

/// Between two looks.
const POLL: Duration = Duration::from_millis(25);

/// Connects a device without a cursor of its own until the server knows that it stands here: acks are written in batches.
async fn stands_at(base: &str, user: &User, device: Uuid, position: u64) -> anyhow::Result<Wire> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let wire = Wire::connect(base, user, device, json!({})).await?;
        if wire.welcome["cursor"] == position {
            return Ok(wire);
        }
        ensure!(Instant::now() < deadline, "the cursor of {device} is {}, not {position}", wire.welcome["cursor"]);
        sleep(POLL).await;
    }
}

pub(crate) async fn each_device_of_a_user_has_a_cursor_of_its_own(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    let devices = [new_id(), new_id(), new_id()];
    let mut wires = Vec::new();
    for device in devices {
        wires.push(Wire::connect(base, &friends.bob, device, json!({})).await?);
    }
    let mut said = Vec::new();
    for number in 0..6 {
        said.push(alice.works(&friends, &number.to_string()).await?);
    }
    // One acknowledges everything, one a part of it, one nothing; all have received everything.
    for wire in &mut wires {
        wire.events_upto(said[5]).await?;
    }
    wires[0].ack(said[5]).await?;
    wires[1].ack(said[2]).await?;
    // None can acknowledge what it was not sent. After the answer, everything before it was taken in.
    for wire in &mut wires {
        wire.ack(said[5] + 1_000_000).await?;
        wire.refused("ack_ahead").await?;
    }
    drop(wires);
    for ((device, cursor), missing) in devices.into_iter().zip([said[5], said[2], 0]).zip([0, 3, 6]) {
        let mut wire = stands_at(base, &friends.bob, device, cursor).await?;
        wire.expect("live").await?;
        ensure!(wire.texts().len() == missing, "{device} stands at {cursor} and is sent {:?}", wire.texts());
    }
    // The same installation under another user is another device.
    let wire = Wire::connect(base, &friends.alice, devices[0], json!({})).await?;
    ensure!(wire.welcome["cursor"] == 0, "{}", wire.welcome);
    Ok(())
}

/// What the author is told of the only recipient.
async fn delivery(base: &str, friends: &Friends, message: Uuid) -> anyhow::Result<Value> {
    let page = friends.alice.call(base, Method::GET, &format!("/v1/messages/{message}/deliveries"), None).await?;
    let items = page["items"].as_array().context("a page has items")?;
    ensure!(items.len() == 1 && items[0]["user"] == json!(friends.bob.id()), "the author is not among them: {page}");
    Ok(items[0].clone())
}

/// Looks until it has come as far as this; on the way it only goes forward.
async fn comes_as_far_as(status: &str, base: &str, friends: &Friends, message: Uuid) -> anyhow::Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    let stages = ["pending", "sent", "delivered", "read"];
    let stage = |delivery: &Value| stages.iter().position(|stage| delivery["status"] == *stage);
    let mut furthest = None;
    loop {
        let now = delivery(base, friends, message).await?;
        ensure!(stage(&now).is_some() && stage(&now) >= furthest, "it went back from {furthest:?}: {now}");
        furthest = stage(&now);
        if now["status"] == status {
            return Ok(now);
        }
        ensure!(Instant::now() < deadline, "it does not come as far as {status}: {now}");
        sleep(POLL).await;
    }
}

pub(crate) async fn the_author_of_a_message_learns_when_it_was_sent_delivered_and_read_and_on_which_device(
    base: &str,
) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    let message = new_id();
    let ok = alice.post(message, friends.thread, "did you get this?").await?;
    let position = ok["result"]["position"].as_u64().context("a position")?;
    let pending = delivery(base, &friends, message).await?;
    ensure!(pending["status"] == "pending" && pending["sent"].is_null() && pending["committed_at"].is_string(), "{pending}");

    // Pushed, and not acknowledged.
    let (phone, desk) = (new_id(), new_id());
    let mut on_phone = Wire::connect(base, &friends.bob, phone, json!({})).await?;
    on_phone.events_upto(position).await?;
    let sent = comes_as_far_as("sent", base, &friends, message).await?;
    ensure!(sent["sent"]["device"] == json!(phone) && sent["delivered"].is_null(), "{sent}");

    // Read before any device has said that it has it: that does not count yet.
    on_phone.send_read(friends.thread, position).await?;
    on_phone.expect("ok").await?;
    let still = delivery(base, &friends, message).await?;
    ensure!(still["status"] == "sent" && still["read"].is_null(), "{still}");

    let mut on_desk = Wire::connect(base, &friends.bob, desk, json!({})).await?;
    on_desk.events_upto(position).await?;
    on_desk.ack(position).await?;
    let read = comes_as_far_as("read", base, &friends, message).await?;
    ensure!(read["sent"] == sent["sent"], "what was sent first counts: {read} after {sent}");
    ensure!(read["delivered"]["device"] == json!(desk) && read["read"]["device"] == json!(phone), "{read}");
    let times: Vec<_> = ["sent", "delivered", "read"].iter().map(|step| read[step]["at"].as_str().unwrap_or_default()).collect();
    ensure!(times.iter().all(|time| !time.is_empty()), "each has a time: {read}");

    // Other devices change nothing any more.
    on_phone.ack(position).await?;
    on_phone.ping().await?;
    drop(on_phone);
    let mut on_phone = stands_at(base, &friends.bob, phone, position).await?;
    on_phone.send(&json!({ "t": "bye" })).await?;
    let ended = on_phone.expect("nothing").await.unwrap_err().to_string();
    ensure!(ended.contains("Closed(1000"), "{ended}");
    ensure!(delivery(base, &friends, message).await? == read, "the first counts");

    // What is acknowledged at once was sent by then.
    let prompt = new_id();
    let ok = alice.post(prompt, friends.thread, "and this?").await?;
    let position = ok["result"]["position"].as_u64().context("a position")?;
    on_desk.events_upto(position).await?;
    on_desk.ack(position).await?;
    let delivered = comes_as_far_as("delivered", base, &friends, prompt).await?;
    ensure!(delivered["sent"]["device"] == json!(desk), "{delivered}");

    // Somebody who does not let it be told what they have read has read nothing, for others.
    let privacy = json!({ "presence": "friends", "last_seen": "friends", "read_receipts": false });
    friends.bob.call(base, Method::PUT, "/v1/me/privacy", Some(privacy)).await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = delivery(base, &friends, message).await?;
        if told["status"] == "delivered" {
            ensure!(told["read"].is_null() && told["delivered"] == read["delivered"], "{told}");
            break;
        }
        ensure!(told == read && Instant::now() < deadline, "it is still told: {told}");
        sleep(POLL).await;
    }

    // Nobody but the author may know.
    let asked = friends.bob.call(base, Method::GET, &format!("/v1/messages/{message}/deliveries"), None).await;
    let refused = asked.err().context("it is not his message")?;
    let refused = refused.downcast_ref::<Refused>().context("a problem")?;
    ensure!(refused.problem["code"] == "forbidden", "{refused:?}");
    Ok(())
}

/// Looks until a user is told of these readers of a message, and of nobody else.
async fn told_of_readers(base: &str, asks: &User, message: Uuid, expected: &[&User]) -> anyhow::Result<()> {
    let mut expected: Vec<_> = expected.iter().map(|reader| json!(reader.id())).collect();
    expected.sort_unstable_by_key(Value::to_string);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (mut told, mut before) = (Vec::new(), String::new());
        loop {
            let page = asks.call(base, Method::GET, &format!("/v1/messages/{message}/readers?limit=1{before}"), None).await?;
            for reader in page["items"].as_array().context("a page has items")? {
                ensure!(reader["at"].is_string(), "{reader}");
                told.push(reader["user"].clone());
            }
            let Some(next) = page["next"].as_str() else { break };
            before = format!("&before={next}");
        }
        if told == expected {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "told of {told:?}, not of {expected:?}");
        sleep(POLL).await;
    }
}

pub(crate) async fn who_has_read_a_message_is_told_to_whoever_sees_it(base: &str) -> anyhow::Result<()> {
    let (friends, carol, eve) = tokio::try_join!(Friends::meet(base), User::register(base, "carol"), User::register(base, "eve"))?;
    let Friends { alice, bob, .. } = &friends;
    alice.befriend(base, &carol).await?;
    let group = json!({ "kind": "group", "title": "Tea", "members": [bob.id(), carol.id()] });
    let group = alice.call(base, Method::POST, "/v1/threads", Some(group)).await?["id"].clone();
    let group: ThreadId = serde_json::from_value(group)?;
    let mut alices = Wire::fresh(base, alice).await?;
    let message = new_id();
    let position = alices.post(message, group, "who reads this?").await?["result"]["position"].as_u64().context("a position")?;
    told_of_readers(base, bob, message, &[]).await?;

    // Its author has read it, which is nothing to tell.
    alices.send_read(group, position).await?;
    alices.expect("ok").await?;
    for reader in [bob, &carol] {
        let mut wire = Wire::fresh(base, reader).await?;
        wire.events_upto(position).await?;
        wire.ack(position).await?;
        wire.send_read(group, position).await?;
        wire.expect("ok").await?;
    }
    for asks in [alice, bob, &carol] {
        told_of_readers(base, asks, message, &[bob, &carol]).await?;
    }
    let privacy = json!({ "presence": "friends", "last_seen": "friends", "read_receipts": false });
    bob.call(base, Method::PUT, "/v1/me/privacy", Some(privacy)).await?;
    told_of_readers(base, &carol, message, &[&carol]).await?;

    let asked = eve.call(base, Method::GET, &format!("/v1/messages/{message}/readers"), None).await;
    let refused = asked.err().context("she does not see it")?;
    let refused = refused.downcast_ref::<Refused>().context("a problem")?;
    ensure!(refused.problem["code"] == "not_found", "{refused:?}");
    Ok(())
}

/// Alice says something through one node, and Bob's device takes in half of it there and the rest at the other.
async fn goes_on(first: &str, leave: impl AsyncFnOnce() -> anyhow::Result<()>, second: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(first).await?;
    let mut alice = Wire::fresh(first, &friends.alice).await?;
    let device = new_id();
    let mut bob = Wire::connect(first, &friends.bob, device, json!({})).await?;
    let mut said = Vec::new();
    for number in 0..4 {
        said.push(alice.works(&friends, &number.to_string()).await?);
    }
    bob.events_upto(said[3]).await?;
    bob.ack(said[1]).await?;
    bob.ping().await?;
    drop((alice, bob));
    leave().await?;
    let mut bob = stands_at(second, &friends.bob, device, said[1]).await?;
    bob.expect("live").await?;
    ensure!(bob.texts() == ["2", "3"], "{:?}", bob.texts());
    Ok(())
}

#[tokio::test]
async fn a_cursor_is_the_same_on_every_node() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("cursors").await?;
    migrate(&sandbox).await?;
    let start = |name| Node::start(name, NodeSettings::distributed(&sandbox));
    let (a, b) = tokio::try_join!(start("node A"), start("node B"))?;
    goes_on(&a.base(), async || Ok(()), &b.base()).await
}

#[tokio::test]
async fn a_cursor_outlives_the_process() -> anyhow::Result<()> {
    let mut stage = Stage::start(Profile::Embedded, |settings| settings).await?;
    let base = stage.base();
    // Told to stop, it writes the last acks.
    goes_on(&base, async || stage.in_one_moment(async |_| Ok(())).await, &base).await
}
