//! What a good client is promised.

use anyhow::ensure;
use futures::TryStreamExt as _;
use futures::stream::FuturesUnordered;
use posthaste_tests::actor::new_id;
use serde_json::json;

use crate::wire::{Friends, Wire, nothing_lost};

pub(crate) async fn a_command_that_is_sent_twice_is_answered_the_same_and_stored_once(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut phone = Wire::fresh(base, &friends.alice).await?;
    let key = new_id();
    let first = phone.post(key, friends.thread, "once").await?;
    ensure!(first["dup"] == false && first["result"]["id"] == json!(key), "{first}");
    // On the same connection, and on another.
    let mut laptop = Wire::fresh(base, &friends.alice).await?;
    for wire in [&mut phone, &mut laptop] {
        let again = wire.post(key, friends.thread, "once").await?;
        ensure!(again["dup"] == true && again["result"] == first["result"], "{first} and then {again}");
    }
    // And many times at once, under another key.
    let key = new_id();
    for _ in 0..10 {
        phone.send_post(key, friends.thread, "at once").await?;
        laptop.send_post(key, friends.thread, "at once").await?;
    }
    let mut answers = Vec::new();
    for wire in [&mut phone, &mut laptop] {
        for _ in 0..10 {
            answers.push(wire.expect("ok").await?);
        }
    }
    ensure!(answers.iter().all(|ok| ok["result"] == answers[0]["result"]), "{answers:?}");
    ensure!(answers.iter().filter(|ok| ok["dup"] == false).count() == 1, "exactly one is new: {answers:?}");
    nothing_lost(base, &friends, &["once", "at once"]).await
}

pub(crate) async fn a_command_id_that_was_used_for_something_else_is_refused(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    let key = new_id();
    alice.post(key, friends.thread, "first").await?;
    alice.send_post(key, friends.thread, "second").await?;
    alice.refused("command_mismatch").await?;
    // Nor can another take it.
    let mut bob = Wire::fresh(base, &friends.bob).await?;
    bob.send_post(key, friends.thread, "first").await?;
    bob.refused("command_mismatch").await?;
    alice.works(&friends, "after").await?;
    nothing_lost(base, &friends, &["first", "after"]).await
}

pub(crate) async fn a_full_window_waits_for_an_ack(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    let mut slow = Wire::fresh(base, &friends.bob).await?;
    slow.expect("live").await?;
    let mut bob = Wire::connect(base, &friends.bob, new_id(), json!({ "cursor": slow.prev, "window": 5 })).await?;
    ensure!(bob.welcome["window"] == 5, "{}", bob.welcome);
    bob.expect("live").await?;
    for number in 0..20 {
        alice.works(&friends, &number.to_string()).await?;
    }
    // His other device has all of them, so they have all been on their way to this one too.
    while slow.texts().len() < 20 {
        let more = slow.events.len() + 1;
        slow.events(more).await?;
    }
    bob.events(5).await?;
    bob.ping().await?;
    ensure!(bob.events.len() == 5, "a window of 5 and {} events", bob.events.len());
    // Commands go through a full window.
    bob.post(new_id(), friends.thread, "still here").await?;
    bob.ping().await?;
    ensure!(bob.events.len() == 5, "a window of 5 and {} events", bob.events.len());
    // An ack of 5 opens 5 more; one of 2 of these, 2 more.
    bob.ack(bob.prev).await?;
    bob.events(10).await?;
    bob.ping().await?;
    ensure!(bob.events.len() == 10, "{} events", bob.events.len());
    let seventh = bob.events[6]["position"].as_u64().unwrap();
    bob.ack(seventh).await?;
    bob.events(12).await?;
    bob.ping().await?;
    ensure!(bob.events.len() == 12, "{} events", bob.events.len());
    while bob.texts().len() < 21 {
        bob.ack(bob.prev).await?;
        let more = bob.events.len() + 1;
        bob.events(more).await?;
    }
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).chain(["still here".to_owned()]).collect();
    ensure!(bob.texts() == expected, "{:?}", bob.texts());
    Ok(())
}

pub(crate) async fn an_ack_of_something_old_changes_nothing(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut bob = Wire::connect(base, &friends.bob, new_id(), json!({ "window": 2 })).await?;
    bob.events(2).await?;
    bob.ack(bob.prev).await?;
    bob.events(4).await?;
    for old in [bob.events[1]["position"].as_u64().unwrap(), 1, 0] {
        bob.ack(old).await?;
    }
    bob.ping().await?;
    ensure!(bob.events.len() == 4, "a window of 2 was opened by an old ack: {:?}", bob.events);
    Ok(())
}

pub(crate) async fn a_backlog_of_a_thousand_is_read_in_order(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::connect(base, &friends.alice, new_id(), json!({ "window": 1 })).await?;
    let texts: Vec<_> = (0..1_000).map(|number| number.to_string()).collect();
    for batch in texts.chunks(50) {
        for text in batch {
            alice.send_post(new_id(), friends.thread, text).await?;
        }
        for _ in batch {
            alice.expect("ok").await?;
        }
    }
    // Several devices at once, with windows of different sizes.
    let readers: FuturesUnordered<_> = [1_usize, 7, 256]
        .into_iter()
        .map(|window| {
            let (friends, texts) = (&friends, &texts);
            async move {
                let mut bob = Wire::connect(base, &friends.bob, new_id(), json!({ "window": window })).await?;
                while bob.texts().len() < texts.len() {
                    let more = bob.events.len() + 1;
                    bob.events(more).await?;
                    bob.ack(bob.prev).await?;
                }
                bob.expect("live").await?;
                ensure!(bob.texts() == *texts, "with a window of {window} the texts are {:?}", bob.texts());
                anyhow::Ok(())
            }
        })
        .collect();
    readers.try_collect().await
}

pub(crate) async fn what_was_not_acked_comes_again_and_what_was_acked_does_not(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    for text in ["one", "two", "three"] {
        alice.works(&friends, text).await?;
    }
    let device = new_id();
    let mut bob = Wire::connect(base, &friends.bob, device, json!({})).await?;
    bob.expect("live").await?;
    let second = bob.events[bob.events.len() - 2]["position"].as_u64().unwrap();
    bob.ack(second).await?;
    // Taken in before the connection goes; a cursor moves in a batch, so the device is asked where it stands until it has.
    bob.ping().await?;
    bob.cut();
    let deadline = tokio::time::Instant::now() + crate::wire::PATIENCE;
    loop {
        let mut again = Wire::connect(base, &friends.bob, device, json!({})).await?;
        again.expect("live").await?;
        if again.welcome["cursor"].as_u64() == Some(second) {
            ensure!(again.texts() == ["three"], "{:?}", again.texts());
            break;
        }
        // Not written yet: then the acked ones come again as well.
        ensure!(again.texts().ends_with(&["three"]), "{:?}", again.texts());
        ensure!(tokio::time::Instant::now() < deadline, "the cursor is still at {}", again.welcome["cursor"]);
    }
    // A device knows better: what it names counts.
    let mut again = Wire::connect(base, &friends.bob, device, json!({ "cursor": 0 })).await?;
    again.expect("live").await?;
    ensure!(again.texts() == ["one", "two", "three"], "{:?}", again.texts());
    Ok(())
}

pub(crate) async fn a_ping_is_answered_and_bye_is_a_normal_end(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    alice.ping().await?;
    alice.send(&json!({ "t": "bye" })).await?;
    let ended = alice.expect("nothing").await.unwrap_err().to_string();
    ensure!(ended.contains("Closed(1000"), "{ended}");
    Ok(())
}
