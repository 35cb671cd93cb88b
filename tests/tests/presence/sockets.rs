//! What watchers are told, and what REST says. The leases are of 2 s.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Timelike as _, Utc};
use posthaste_tests::actor::{User, new_id};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::onlooker::Onlooker;

/// How long somebody is there after the last sign of life, at least.
const LEASE: Duration = Duration::from_secs(2);

async fn friends(base: &str) -> anyhow::Result<(User, User)> {
    let (alice, bob) = tokio::try_join!(User::register(base, "alice"), User::register(base, "bob"))?;
    alice.befriend(base, &bob).await?;
    Ok((alice, bob))
}

/// What REST says of these, once the views have seen everything.
async fn asked(base: &str, user: &User, of: &[&User]) -> anyhow::Result<Vec<Value>> {
    let head = user.call(base, Method::GET, "/v1/me", None).await?["head"].clone();
    let ids: Vec<_> = of.iter().map(|user| user.id().to_string()).collect();
    let page = user.call(base, Method::GET, &format!("/v1/presence?users={}&after={head}", ids.join(",")), None).await?;
    let items = page["items"].as_array().context("a page has items")?.clone();
    ensure!(items.iter().zip(of).all(|(item, user)| item["user"] == json!(user.id())) && items.len() == of.len(), "{items:?}");
    Ok(items)
}

async fn friends_online(base: &str, user: &User) -> anyhow::Result<Value> {
    let head = user.call(base, Method::GET, "/v1/me", None).await?["head"].clone();
    Ok(user.call(base, Method::GET, &format!("/v1/friends/presence?after={head}"), None).await?["items"].clone())
}

async fn set_privacy(base: &str, user: &User, presence: &str) -> anyhow::Result<()> {
    let privacy = json!({ "presence": presence, "last_seen": "everyone", "read_receipts": true });
    user.call(base, Method::PUT, "/v1/me/privacy", Some(privacy)).await.map(drop)
}

pub(crate) async fn whoever_watches_is_told_how_it_is_and_then_what_changes(base: &str) -> anyhow::Result<()> {
    let (alice, bob) = friends(base).await?;
    let mut eye = Onlooker::connect(base, &alice).await?;
    eye.watch(&[&bob]).await?;
    let first = eye.sees(&bob, false).await?;
    ensure!(first.get("last_seen").is_none(), "he was never there: {first}");
    ensure!(friends_online(base, &alice).await? == json!([]));

    let (phone, laptop) = tokio::try_join!(Onlooker::connect(base, &bob), Onlooker::connect(base, &bob))?;
    let online = eye.sees(&bob, true).await?;
    ensure!(online.get("last_seen").is_none(), "he is there: {online}");
    ensure!(asked(base, &alice, &[&bob]).await? == [json!({ "user": bob.id(), "online": true, "last_seen": null })]);
    ensure!(friends_online(base, &alice).await? == json!([{ "user": bob.id(), "online": true, "last_seen": null }]));

    // One device is enough, for longer than the lease of the other.
    phone.cut();
    eye.listen(Duration::from_secs(4)).await?;
    ensure!(eye.told(&bob) == [false, true], "{:?}", eye.presence);
    laptop.cut();
    let gone = eye.sees(&bob, false).await?;
    let last: DateTime<Utc> = gone["last_seen"].as_str().context("friends see when he was there last")?.parse()?;
    ensure!(last.second() == 0 && last.nanosecond() == 0, "to the minute: {last}");
    let item = asked(base, &alice, &[&bob]).await?.remove(0);
    ensure!(item["online"] == false && item["last_seen"].as_str().context("a time")?.parse::<DateTime<Utc>>()? == last, "{item}, {gone}");

    let _back = Onlooker::connect(base, &bob).await?;
    eye.sees(&bob, true).await?;
    ensure!(eye.told(&bob) == [false, true, false, true], "{:?}", eye.presence);

    // Nobody is watched any more, and then he is again.
    eye.watch(&[]).await?;
    eye.watch(&[&bob, &alice]).await?;
    eye.until("both are told", |eye| eye.told(&bob).len() == 5 && eye.told(&alice) == [true]).await
}

pub(crate) async fn only_those_are_seen_who_may_be(base: &str) -> anyhow::Result<()> {
    let (alice, bob) = friends(base).await?;
    let carol = User::register(base, "carol").await?;
    let (_bob, _carol) = tokio::try_join!(Onlooker::connect(base, &bob), Onlooker::connect(base, &carol))?;
    let mut eye = Onlooker::connect(base, &alice).await?;
    eye.watch(&[&bob, &carol]).await?;
    eye.sees(&bob, true).await?;
    let hidden = json!({ "t": "presence", "user": carol.id(), "online": false });
    ensure!(eye.sees(&carol, false).await? == hidden);

    set_privacy(base, &carol, "everyone").await?;
    eye.sees(&carol, true).await?;
    ensure!(asked(base, &alice, &[&carol]).await?[0]["online"] == true);
    set_privacy(base, &carol, "nobody").await?;
    ensure!(eye.sees(&carol, false).await? == hidden, "invisible");
    let unseen = |user: &User| json!({ "user": user.id(), "online": false, "last_seen": null });
    ensure!(asked(base, &alice, &[&carol, &carol]).await? == [unseen(&carol), unseen(&carol)]);
    ensure!(asked(base, &carol, &[&carol]).await?[0]["online"] == true, "but not to herself");

    // Between two in a block it does not count that everybody may.
    set_privacy(base, &alice, "everyone").await?;
    set_privacy(base, &bob, "everyone").await?;
    bob.call(base, Method::PUT, &format!("/v1/blocks/{}", alice.id()), None).await?;
    let blocked = eye.sees(&bob, false).await?;
    ensure!(blocked.get("last_seen").is_none(), "who is blocked sees nothing: {blocked}");
    ensure!(asked(base, &alice, &[&bob]).await? == [unseen(&bob)]);
    ensure!(asked(base, &bob, &[&alice]).await? == [unseen(&alice)], "nor does who blocks");
    ensure!(friends_online(base, &alice).await? == json!([]));

    let of_nobody = [String::new(), "alice".to_owned(), vec![alice.id().to_string(); 101].join(",")];
    for users in of_nobody {
        let (status, problem) = alice.answer(base, Method::GET, &format!("/v1/presence?users={users}"), None).await?;
        ensure!(status == 400 && problem["code"] == "validation", "{status}: {problem}");
    }
    Ok(())
}

pub(crate) async fn sixty_flaps_are_at_most_two_changes(base: &str) -> anyhow::Result<()> {
    let (alice, bob) = friends(base).await?;
    let mut eye = Onlooker::connect(base, &alice).await?;
    eye.watch(&[&bob]).await?;
    eye.sees(&bob, false).await?;
    let flapping = async {
        let mut ticks = interval(Duration::from_millis(100));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut there, mut gone) = (Instant::now(), 0);
        for _ in 0..60 {
            ticks.tick().await;
            let flap = Onlooker::connect(base, &bob).await?;
            // A busy machine can make more of a flap than it should be: then he was gone.
            gone += usize::from(there.elapsed() > LEASE);
            there = Instant::now();
            ticks.tick().await;
            flap.cut();
        }
        Ok::<_, anyhow::Error>(gone)
    };
    let (gone, ()) = tokio::try_join!(flapping, eye.listen(Duration::from_secs(12)))?;
    eye.sees(&bob, false).await?;
    let changes = eye.told(&bob).len() - 1;
    ensure!(changes >= 2 && changes <= 2 + 2 * gone, "{changes} changes, and he was gone {gone} times: {:?}", eye.presence);
    Ok(())
}

pub(crate) async fn too_many_cannot_be_watched_and_the_connection_goes_on(base: &str) -> anyhow::Result<()> {
    let (alice, bob) = friends(base).await?;
    let mut eye = Onlooker::connect(base, &alice).await?;
    let many: Vec<_> = (0..201).map(|_| new_id()).collect();
    for wrong in [json!({ "t": "watch", "users": many }), json!({ "t": "watch", "users": ["bob"] }), json!({ "t": "watch" })] {
        eye.send_text(wrong.to_string()).await?;
    }
    eye.ping().await?;
    ensure!(eye.errs.len() == 3 && eye.errs.iter().all(|err| err["code"] == "validation"), "{:?}", eye.errs);
    ensure!(eye.presence.is_empty(), "{:?}", eye.presence);
    eye.watch(&[&bob]).await?;
    eye.sees(&bob, false).await.map(drop)
}
