//! Every operation there is, over the socket, and who is told of what it led to.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use posthaste_domain::{Event, ThreadId};
use posthaste_tests::actor::{User, new_id};
use serde_json::{Value, json};

use crate::wire::{Friends, Wire};

/// Three people, each on one device, and what each must have been told.
struct Stage {
    wires: [Wire; 3],
    expected: [Vec<&'static str>; 3],
    operations: BTreeSet<String>,
    last: u64,
}

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;
const ALL: &[usize] = &[ALICE, BOB, CAROL];

impl Stage {
    /// Somebody asks for something, and the event that it leads to is for these.
    async fn step(&mut self, who: usize, op: &str, body: Value, event: &'static str, told: &[usize]) -> anyhow::Result<Value> {
        let key = new_id();
        let id = self.wires[who].send_cmd(key, op, body).await?;
        let ok = self.wires[who].expect("ok").await.with_context(|| format!("{op} by {who}"))?;
        ensure!(ok["re"] == id && ok["dup"] == false, "{op}: {ok}");
        self.operations.insert(op.to_owned());
        self.told(&ok, event, told).await?;
        Ok(json!(key))
    }

    async fn told(&mut self, ok: &Value, event: &'static str, told: &[usize]) -> anyhow::Result<()> {
        self.last = ok["result"]["position"].as_u64().context("an ok has a position")?;
        for user in told {
            self.expected[*user].push(event);
            self.wires[*user].events_upto(self.last).await.with_context(|| format!("{event} to {user}"))?;
        }
        Ok(())
    }
}

pub(crate) async fn every_operation_is_carried_out_and_every_event_reaches_those_it_is_for_and_nobody_else(
    base: &str,
) -> anyhow::Result<()> {
    let (friends, carol) = tokio::try_join!(Friends::meet(base), User::register(base, "carol"))?;
    let (alice, bob) = (&friends.alice, &friends.bob);
    let wires = tokio::try_join!(Wire::fresh(base, alice), Wire::fresh(base, bob), Wire::fresh(base, &carol))?;
    let mut stage = Stage { wires: wires.into(), expected: Default::default(), operations: BTreeSet::new(), last: 0 };
    for wire in &mut stage.wires {
        wire.expect("live").await?;
    }
    let before = stage.wires.each_ref().map(|wire| wire.events.len());
    let (with_alice, with_bob, with_carol) = (json!({ "user": alice.id() }), json!({ "user": bob.id() }), json!({ "user": carol.id() }));

    let privacy = json!({ "presence": "everyone", "last_seen": "nobody", "read_receipts": false });
    stage.step(ALICE, "user.set_privacy", privacy, "user.privacy_set", &[ALICE]).await?;
    // A login that no socket here uses.
    let session = alice.another_login(base).await?.session;
    stage.step(ALICE, "user.revoke_session", json!({ "session": session }), "user.session_revoked", &[ALICE]).await?;

    let both: &[usize] = &[ALICE, CAROL];
    stage.step(ALICE, "friendship.request", with_carol.clone(), "friendship.requested", both).await?;
    stage.step(CAROL, "friendship.decline", with_alice.clone(), "friendship.declined", both).await?;
    // Who declined may ask at once.
    stage.step(CAROL, "friendship.request", with_alice.clone(), "friendship.requested", both).await?;
    stage.step(CAROL, "friendship.cancel", with_alice.clone(), "friendship.cancelled", both).await?;
    stage.step(CAROL, "friendship.request", with_alice.clone(), "friendship.requested", both).await?;
    stage.step(ALICE, "friendship.accept", with_carol.clone(), "friendship.accepted", both).await?;
    stage.step(ALICE, "friendship.end", with_carol.clone(), "friendship.ended", both).await?;
    // Who is blocked is not told.
    stage.step(ALICE, "friendship.block", with_carol.clone(), "friendship.blocked", &[ALICE]).await?;
    stage.step(ALICE, "friendship.unblock", with_carol.clone(), "friendship.unblocked", &[ALICE]).await?;
    stage.step(CAROL, "friendship.request", with_alice, "friendship.requested", both).await?;
    // Crossing requests are an acceptance. Alice was declined, and that is long forgotten.
    stage.step(ALICE, "friendship.accept", with_carol.clone(), "friendship.accepted", both).await?;
    stage.step(ALICE, "thread.open_direct", with_carol.clone(), "thread.opened", both).await?;
    let direct = stage.wires[ALICE].events.last().context("it was told")?["body"]["thread"].clone();

    let pair: &[usize] = &[ALICE, BOB];
    let create = json!({ "kind": "group", "title": "Tea", "members": [bob.id()] });
    let group = stage.step(ALICE, "thread.create", create, "thread.created", pair).await?;
    let of = |more: Value| {
        let mut body = json!({ "thread": group });
        body.as_object_mut().into_iter().for_each(|body| body.extend(more.as_object().cloned().unwrap_or_default()));
        body
    };
    let invite = stage.step(ALICE, "thread.invite", of(with_carol.clone()), "thread.invited", ALL).await?;
    stage.step(CAROL, "thread.end_invite", of(json!({ "invite": invite })), "thread.invite_declined", ALL).await?;
    let link = stage.step(ALICE, "thread.create_link", of(json!({ "max_uses": 1 })), "thread.link_created", &[ALICE]).await?;
    stage.step(ALICE, "thread.end_invite", of(json!({ "invite": link })), "thread.invite_revoked", &[ALICE]).await?;
    let link = stage.step(ALICE, "thread.create_link", of(json!({})), "thread.link_created", &[ALICE]).await?;
    stage.step(CAROL, "thread.join", of(json!({ "invite": link })), "thread.joined", ALL).await?;
    stage.step(CAROL, "thread.leave", of(json!({})), "thread.left", ALL).await?;
    stage.step(ALICE, "thread.add_members", of(json!({ "users": [carol.id()] })), "thread.members_added", ALL).await?;
    let role = of(json!({ "user": carol.id(), "role": "admin" }));
    stage.step(ALICE, "thread.change_role", role, "thread.role_changed", ALL).await?;
    stage.step(ALICE, "thread.remove_member", of(with_carol.clone()), "thread.member_removed", ALL).await?;
    stage.step(ALICE, "thread.ban", of(with_carol.clone()), "thread.banned", pair).await?;
    stage.step(ALICE, "thread.unban", of(with_carol), "thread.unbanned", pair).await?;

    let says = |text: &str| json!({ "kind": "text", "text": text });
    let message = stage.step(ALICE, "message.post", of(json!({ "content": says("Tea?") })), "message.posted", pair).await?;
    let reply = of(json!({ "content": says("Yes"), "reply_to": message, "mentions": [alice.id()] }));
    let reply = stage.step(BOB, "message.post", reply, "message.posted", pair).await?;
    let about = json!({ "message": message });
    let edit = json!({ "message": message, "content": says("Coffee?"), "revision": 1 });
    stage.step(ALICE, "message.edit", edit, "message.edited", pair).await?;
    let reaction = json!({ "message": message, "emoji": "👍" });
    stage.step(BOB, "message.react", reaction.clone(), "message.reacted", pair).await?;
    stage.step(BOB, "message.unreact", reaction, "message.unreacted", pair).await?;
    stage.step(ALICE, "thread.pin", of(about.clone()), "thread.message_pinned", pair).await?;
    stage.step(ALICE, "thread.unpin", of(about), "thread.message_unpinned", pair).await?;
    stage.step(ALICE, "message.forward", json!({ "thread": direct, "message": message }), "message.posted", both).await?;
    stage.step(BOB, "message.delete", json!({ "message": reply }), "message.deleted", pair).await?;
    stage.step(ALICE, "thread.delete_messages", of(json!({ "messages": [message] })), "thread.messages_deleted", pair).await?;

    for (op, event) in [
        ("subscription.mute", "subscription.muted"),
        ("subscription.unmute", "subscription.unmuted"),
        ("subscription.archive", "subscription.archived"),
        ("subscription.unarchive", "subscription.unarchived"),
    ] {
        stage.step(BOB, op, of(json!({})), event, &[BOB]).await?;
    }
    let group_id: ThreadId = serde_json::from_value(group.clone())?;
    let upto = stage.last;
    stage.wires[BOB].send_read(group_id, upto).await?;
    let ok = stage.wires[BOB].expect("ok").await?;
    stage.told(&ok, "subscription.read", &[BOB]).await?;

    stage.step(ALICE, "thread.update", of(json!({ "title": "Coffee" })), "thread.updated", pair).await?;
    stage.step(ALICE, "thread.transfer_ownership", of(with_bob), "thread.ownership_transferred", pair).await?;
    stage.step(BOB, "thread.delete", of(json!({})), "thread.deleted", pair).await?;
    // Something for each comes last, so that whatever was sent to somebody by mistake has come by now.
    stage.step(ALICE, "message.post", json!({ "thread": direct, "content": says("Bye") }), "message.posted", both).await?;
    stage.step(ALICE, "message.post", json!({ "thread": friends.thread, "content": says("Bye") }), "message.posted", pair).await?;

    for ((wire, before), expected) in stage.wires.iter().zip(before).zip(&stage.expected) {
        let came: Vec<_> = wire.events[before..].iter().filter_map(|event| event["type"].as_str()).collect();
        ensure!(came == *expected, "{came:?}\ninstead of\n{expected:?}");
    }
    let seen: BTreeSet<_> = stage.expected.iter().flatten().copied().collect();
    // Registering is no operation of a socket, nor is what admins do, what a mail proves, nor a second factor; and a claim is told to nobody.
    let elsewhere = [
        "user.registered",
        "user.email_verified",
        "claim.taken",
        "user.role_granted",
        "user.role_withdrawn",
        "user.suspended",
        "user.reinstated",
        "user.erased",
        "user.deletion_requested",
        "user.deletion_cancelled",
        "user.two_factor_enabled",
        "user.two_factor_disabled",
    ];
    let elsewhere = |event: &&str| elsewhere.contains(event) || event.starts_with("operation.");
    let all: BTreeSet<_> = Event::TYPES.iter().copied().filter(|event| !elsewhere(event)).collect();
    ensure!(seen == all, "{:?} were not seen", all.difference(&seen).collect::<Vec<_>>());
    let schemas = posthaste_tests::contract::document()["components"]["schemas"].as_object().context("the document has schemas")?;
    let documented: BTreeSet<_> = schemas.keys().filter_map(|name| name.strip_prefix("client.cmd.")).map(str::to_owned).collect();
    ensure!(!documented.is_empty() && stage.operations == documented, "{:?} instead of {documented:?}", stage.operations);
    Ok(())
}
