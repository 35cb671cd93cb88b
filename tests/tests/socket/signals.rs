//! Typing and receipts: who is told of them, and who is not.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use posthaste_domain::ThreadId;
use posthaste_tests::actor::{User, new_id};
use posthaste_tests::node::migrate;
use posthaste_tests::services::{Redis, Scratch};
use posthaste_tests::{Node, NodeSettings, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::wire::{Friends, PATIENCE, Wire};

/// Three who know each other, a group of theirs, and another one of theirs by which a test sees that whatever was told before has come.
struct Company {
    friends: Friends,
    carol: User,
    group: ThreadId,
    other: ThreadId,
}

impl Company {
    async fn meet(base: &str) -> anyhow::Result<Self> {
        let (friends, carol) = tokio::try_join!(meet(base), User::register(base, "carol"))?;
        friends.alice.befriend(base, &carol).await?;
        let (group, other) = (create(base, &friends, &carol).await?, create(base, &friends, &carol).await?);
        Ok(Self { friends, carol, group, other })
    }
}

/// Two whose thread is known to the views.
async fn meet(base: &str) -> anyhow::Result<Friends> {
    let friends = Friends::meet(base).await?;
    // Opening it again says where it was opened.
    let opened = friends.alice.call(base, Method::PUT, &format!("/v1/threads/direct/{}", friends.bob.id()), None).await?;
    known(base, &friends.alice, "/v1/threads", &opened).await?;
    Ok(friends)
}

async fn create(base: &str, friends: &Friends, carol: &User) -> anyhow::Result<ThreadId> {
    let group = json!({ "kind": "group", "title": "Tea", "members": [friends.bob.id(), carol.id()] });
    let created = friends.alice.call(base, Method::POST, "/v1/threads", Some(group)).await?;
    known(base, &friends.alice, "/v1/threads", &created).await?;
    Ok(serde_json::from_value(created["id"].clone())?)
}

/// Waits until the views know what came of a request: signals ask them.
async fn known(base: &str, user: &User, list: &str, executed: &Value) -> anyhow::Result<()> {
    let position = executed["position"].as_u64().with_context(|| format!("no position in {executed}"))?;
    user.call(base, Method::GET, &format!("{list}?after={position}"), None).await.map(drop)
}

async fn say_typing(wire: &mut Wire, thread: ThreadId, on: bool) -> anyhow::Result<()> {
    wire.send(&json!({ "t": "typing", "thread": thread, "on": on })).await
}

async fn told_typing(wire: &mut Wire, thread: ThreadId, who: &User, on: bool) -> anyhow::Result<()> {
    let told = wire.expect("typing").await?;
    ensure!(told == json!({ "t": "typing", "thread": thread, "user": who.id(), "on": on }), "{told}");
    Ok(())
}

async fn told_receipt(wire: &mut Wire, thread: ThreadId, who: &User, kind: &str, position: u64) -> anyhow::Result<()> {
    let told = wire.expect("receipt").await?;
    ensure!(told == json!({ "t": "receipt", "thread": thread, "user": who.id(), kind: position }), "not {kind} {position}, but {told}");
    Ok(())
}

pub(crate) async fn typing_is_told_to_the_other_members_and_to_nobody_else(base: &str) -> anyhow::Result<()> {
    let Company { friends: Friends { alice, bob, thread }, carol, group, .. } = Company::meet(base).await?;
    let (mut phone, mut laptop) = tokio::try_join!(Wire::fresh(base, &alice), Wire::fresh(base, &alice))?;
    let (mut bobs, mut bobs_other) = tokio::try_join!(Wire::fresh(base, &bob), Wire::fresh(base, &bob))?;
    let mut carols = Wire::fresh(base, &carol).await?;
    // In what they are not in, and in what does not exist.
    for foreign in [thread, ThreadId::new(new_id())] {
        say_typing(&mut carols, foreign, true).await?;
    }
    carols.ping().await?;
    say_typing(&mut phone, thread, true).await?;
    for wire in [&mut bobs, &mut bobs_other] {
        told_typing(wire, thread, &alice, true).await?;
    }
    say_typing(&mut phone, thread, false).await?;
    for wire in [&mut bobs, &mut bobs_other] {
        told_typing(wire, thread, &alice, false).await?;
    }
    // The first that Alice's other device and Carol hear of.
    say_typing(&mut bobs, group, true).await?;
    for wire in [&mut phone, &mut laptop, &mut carols] {
        told_typing(wire, group, &bob, true).await?;
    }
    Ok(())
}

pub(crate) async fn typing_ends_when_it_is_not_renewed_and_at_once_when_the_typist_goes(base: &str) -> anyhow::Result<()> {
    let Friends { alice, bob, thread } = meet(base).await?;
    let (mut phone, mut laptop) = tokio::try_join!(Wire::fresh(base, &alice), Wire::fresh(base, &alice))?;
    let mut bobs = Wire::fresh(base, &bob).await?;
    let mut lasts = Vec::new();
    for goes in [false, true] {
        let typist = if goes { &mut laptop } else { &mut phone };
        say_typing(typist, thread, true).await?;
        told_typing(&mut bobs, thread, &alice, true).await?;
        let since = Instant::now();
        if goes {
            laptop.send(&json!({ "t": "bye" })).await?;
        }
        told_typing(&mut bobs, thread, &alice, false).await?;
        lasts.push(since.elapsed());
        if goes {
            break;
        }
    }
    ensure!(lasts[0] >= Duration::from_secs(4), "it was believed for {:?} only", lasts[0]);
    ensure!(lasts[1] < lasts[0] / 2, "{lasts:?}");
    Ok(())
}

pub(crate) async fn much_typing_is_told_seldom(base: &str) -> anyhow::Result<()> {
    let Company { friends: Friends { alice, bob, thread }, group, .. } = Company::meet(base).await?;
    let (mut alices, mut bobs) = tokio::try_join!(Wire::fresh(base, &alice), Wire::fresh(base, &bob))?;
    let since = Instant::now();
    for number in 0..400 {
        say_typing(&mut alices, thread, number % 2 == 0).await?;
    }
    say_typing(&mut alices, group, true).await?;
    let mut told = 0;
    // What was said in one breath with it may come after it, but not much later.
    let fence = loop {
        let typing = bobs.expect("typing").await?;
        if typing["thread"] == json!(group) {
            break typing;
        }
        told += 1;
    };
    bobs.ping().await?;
    told += bobs.count("typing");
    // On and off, once in two seconds.
    let most = 2 * (1 + usize::try_from(since.elapsed().as_secs() / 2)?);
    ensure!(told <= most, "{told} were told in {:?}; the last was {fence}", since.elapsed());
    Ok(())
}

pub(crate) async fn who_wrote_is_told_what_arrived_and_all_members_what_was_read(base: &str) -> anyhow::Result<()> {
    let Company { friends: Friends { alice, bob, .. }, carol, group, .. } = Company::meet(base).await?;
    let (mut alices, mut carols) = tokio::try_join!(Wire::fresh(base, &alice), Wire::fresh(base, &carol))?;
    let (mut bobs, mut bobs_other) = tokio::try_join!(Wire::fresh(base, &bob), Wire::fresh(base, &bob))?;
    let posted = alices.post(new_id(), group, "to be received").await?["result"]["position"].as_u64().context("a position")?;
    bobs.events_upto(posted).await?;
    bobs.ack(posted).await?;
    told_receipt(&mut alices, group, &bob, "delivered", posted).await?;
    bobs.send_read(group, posted).await?;
    bobs.expect("ok").await?;
    // The first that Carol hears of: she did not write it.
    for wire in [&mut alices, &mut carols] {
        told_receipt(wire, group, &bob, "read", posted).await?;
    }
    // Over REST it is the same.
    let read = json!({ "upto": posted });
    carol.call(base, Method::PUT, &format!("/v1/threads/{group}/read"), Some(read)).await?;
    for wire in [&mut alices, &mut bobs, &mut bobs_other] {
        told_receipt(wire, group, &carol, "read", posted).await?;
    }
    for wire in [&mut alices, &mut bobs, &mut bobs_other, &mut carols] {
        wire.ping().await?;
        ensure!(wire.count("receipt") == 0, "more was told than there was");
    }
    Ok(())
}

pub(crate) async fn receipts_of_many_messages_are_few_and_only_grow(base: &str) -> anyhow::Result<()> {
    let Friends { alice, bob, thread } = meet(base).await?;
    let (mut alices, mut bobs) = tokio::try_join!(Wire::fresh(base, &alice), Wire::fresh(base, &bob))?;
    let since = Instant::now();
    let mut last = 0;
    for number in 0..100 {
        last = alices.post(new_id(), thread, &number.to_string()).await?["result"]["position"].as_u64().context("a position")?;
        bobs.events_upto(last).await?;
        bobs.ack(last).await?;
    }
    let mut told = Vec::new();
    while told.last() != Some(&last) {
        let receipt = alices.expect("receipt").await?;
        ensure!(receipt["user"] == json!(bob.id()) && receipt["thread"] == json!(thread), "{receipt}");
        told.push(receipt["delivered"].as_u64().context("a position")?);
    }
    ensure!(told.is_sorted_by(|one, next| one < next), "{told:?}");
    // At most one a second, and one that was on its way.
    let most = 2 + usize::try_from(since.elapsed().as_secs())?;
    ensure!(told.len() <= most, "{} receipts in {:?}", told.len(), since.elapsed());
    Ok(())
}

pub(crate) async fn between_two_in_a_block_nothing_is_told_either_way(base: &str) -> anyhow::Result<()> {
    let Company { friends: Friends { alice, bob, .. }, carol, group, other } = Company::meet(base).await?;
    let blocked = bob.call(base, Method::PUT, &format!("/v1/blocks/{}", alice.id()), None).await?;
    known(base, &bob, "/v1/blocks", &blocked).await?;
    let (mut alices, mut bobs, mut carols) =
        tokio::try_join!(Wire::fresh(base, &alice), Wire::fresh(base, &bob), Wire::fresh(base, &carol))?;
    let posted = alices.post(new_id(), group, "to all but one").await?["result"]["position"].as_u64().context("a position")?;
    for (who, wire) in [(&alice, &mut alices), (&bob, &mut bobs)] {
        wire.events_upto(posted).await?;
        wire.ack(posted).await?;
        say_typing(wire, group, true).await?;
        told_typing(&mut carols, group, who, true).await?;
        wire.send_read(group, posted).await?;
        wire.expect("ok").await?;
        told_receipt(&mut carols, group, who, "read", posted).await?;
    }
    // The first that the two hear of anybody.
    say_typing(&mut carols, other, true).await?;
    carols.send_read(other, posted).await?;
    for wire in [&mut alices, &mut bobs] {
        told_typing(wire, other, &carol, true).await?;
        told_receipt(wire, other, &carol, "read", posted).await?;
    }
    Ok(())
}

pub(crate) async fn what_somebody_has_read_who_does_not_want_it_known_is_not_told(base: &str) -> anyhow::Result<()> {
    let Company { friends: Friends { alice, bob, .. }, carol, group, .. } = Company::meet(base).await?;
    let private = json!({ "presence": "everyone", "last_seen": "everyone", "read_receipts": false });
    let set = bob.call(base, Method::PUT, "/v1/me/privacy", Some(private)).await?;
    known(base, &bob, "/v1/friends", &set).await?;
    let (mut alices, mut bobs, mut carols) =
        tokio::try_join!(Wire::fresh(base, &alice), Wire::fresh(base, &bob), Wire::fresh(base, &carol))?;
    let posted = alices.post(new_id(), group, "to be read in private").await?["result"]["position"].as_u64().context("a position")?;
    bobs.events_upto(posted).await?;
    bobs.send_read(group, posted).await?;
    bobs.expect("ok").await?;
    // After what was read, so that what would have been told of it has come before this.
    bobs.ack(posted).await?;
    told_receipt(&mut alices, group, &bob, "delivered", posted).await?;
    carols.send_read(group, posted).await?;
    for wire in [&mut alices, &mut bobs] {
        told_receipt(wire, group, &carol, "read", posted).await?;
    }
    ensure!(carols.count("receipt") == 0, "she was told who has read");
    Ok(())
}

pub(crate) async fn who_was_removed_hears_no_more_of_the_thread(base: &str) -> anyhow::Result<()> {
    let Company { friends: Friends { alice, bob, .. }, carol, group, other } = Company::meet(base).await?;
    let (mut alices, mut bobs, mut carols) =
        tokio::try_join!(Wire::fresh(base, &alice), Wire::fresh(base, &bob), Wire::fresh(base, &carol))?;
    say_typing(&mut carols, group, true).await?;
    for wire in [&mut alices, &mut bobs] {
        told_typing(wire, group, &carol, true).await?;
    }
    alices.send_cmd(new_id(), "thread.remove_member", json!({ "thread": group, "user": bob.id() })).await?;
    let removed = alices.expect("ok").await?["result"]["position"].as_u64().context("a position")?;
    bobs.events_upto(removed).await?;
    // Nobody hears that he types there.
    say_typing(&mut bobs, group, true).await?;
    bobs.ping().await?;
    // He does not hear who has read, nor that Carol is not believed to type any more.
    carols.send_read(group, removed).await?;
    told_receipt(&mut alices, group, &carol, "read", removed).await?;
    told_typing(&mut alices, group, &carol, false).await?;
    say_typing(&mut carols, other, true).await?;
    told_typing(&mut bobs, other, &carol, true).await?;
    ensure!(bobs.count("receipt") == 0, "he was told who has read");
    told_typing(&mut alices, other, &carol, true).await
}

/// Two nodes over one sandbox, with signals over this Redis.
async fn two_nodes(sandbox: &Sandbox, redis: &str) -> anyhow::Result<[Node; 2]> {
    migrate(sandbox).await?;
    let settings = || NodeSettings::distributed(sandbox).with("REDIS__URL", redis);
    let (one, other) = tokio::try_join!(Node::start("one node", settings()), Node::start("the other node", settings()))?;
    Ok([one, other])
}

#[tokio::test]
async fn signals_go_from_node_to_node() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("signals of two").await?;
    let nodes = two_nodes(&sandbox, &sandbox.redis_url()).await?;
    let [one, other] = nodes.each_ref().map(Node::base);
    let Friends { alice, bob, thread } = meet(&one).await?;
    let (mut alices, mut bobs) = tokio::try_join!(Wire::fresh(&one, &alice), Wire::fresh(&other, &bob))?;
    heard(&mut alices, &mut bobs, thread).await?;
    told_typing(&mut bobs, thread, &alice, false).await?;
    let posted = alices.works(&Friends { alice, bob, thread }, "to be received").await?;
    bobs.events_upto(posted).await?;
    bobs.ack(posted).await?;
    let told = alices.expect("receipt").await?;
    ensure!(told["delivered"] == posted && told["thread"] == json!(thread), "{told}");
    bobs.send_read(thread, posted).await?;
    let told = alices.expect("receipt").await?;
    ensure!(told["read"] == posted && told["thread"] == json!(thread), "{told}");
    Ok(())
}

#[tokio::test]
async fn without_redis_only_signals_are_missing_and_with_it_they_are_back() -> anyhow::Result<()> {
    let (sandbox, scratch) = (Sandbox::new("signals gone").await?, Scratch::new()?);
    let mut redis = Redis::start(scratch.path().join("redis")).await?;
    let nodes = two_nodes(&sandbox, &redis.url()).await?;
    let [one, other] = nodes.each_ref().map(Node::base);
    let friends = meet(&one).await?;
    let (mut alices, mut bobs) = tokio::try_join!(Wire::fresh(&one, &friends.alice), Wire::fresh(&other, &friends.bob))?;
    heard(&mut alices, &mut bobs, friends.thread).await?;

    redis.kill().await?;
    // What people do is as durable as ever, and nothing is refused or closed.
    let mut posted = 0;
    for number in 0..20 {
        say_typing(&mut alices, friends.thread, number % 2 == 0).await?;
        posted = alices.works(&friends, &format!("without {number}")).await?;
        bobs.events_upto(posted).await?;
        bobs.ack(posted).await?;
        bobs.send_read(friends.thread, posted).await?;
        bobs.expect("ok").await?;
    }
    while let Some(told) = bobs.soon("typing", Duration::ZERO).await? {
        ensure!(told["on"] == false, "typing came from nowhere: {told}");
    }
    ensure!(bobs.texts().len() == 20, "{:?}", bobs.texts());
    ensure!(alices.count("receipt") == 0, "receipts came from nowhere");

    redis.restart().await?;
    heard(&mut alices, &mut bobs, friends.thread).await?;
    posted = posted.max(alices.works(&friends, "with it again").await?);
    bobs.events_upto(posted).await?;
    let deadline = Instant::now() + PATIENCE;
    while alices.count("receipt") == 0 {
        ensure!(Instant::now() < deadline, "no receipt any more");
        posted = alices.works(&friends, "and again").await?;
        bobs.events_upto(posted).await?;
        bobs.ack(posted).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Types until it is heard: nodes may still be subscribing, views may not know the thread yet.
async fn heard(typist: &mut Wire, listener: &mut Wire, thread: ThreadId) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        say_typing(typist, thread, true).await?;
        while let Some(told) = listener.soon("typing", Duration::from_millis(500)).await? {
            if told["on"] == true && told["thread"] == json!(thread) {
                return Ok(());
            }
        }
        ensure!(Instant::now() < deadline, "nothing was heard of typing");
    }
}
