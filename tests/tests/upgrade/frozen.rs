//! What every release before left behind is migrated and served, and everybody goes on where they were.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use posthaste_application::recorded::Position;
use posthaste_tests::Profile;
use posthaste_tests::actor::{Device, Incoming, Socket, Storage, User};
use posthaste_tests::frozen::{Deployment, Story, all, post, profile_of, story};
use posthaste_tests::history::History;
use posthaste_tests::receiver::{Manner, Receiver};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{PATIENCE, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_every_release_before_is_brought_up_to_date_and_served() -> anyhow::Result<()> {
    every(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_every_release_before_is_migrated_and_served() -> anyhow::Result<()> {
    every(Profile::Distributed).await
}

async fn every(profile: Profile) -> anyhow::Result<()> {
    let mut served = 0;
    for frozen in all()? {
        if profile_of(&frozen)? == profile {
            goes_on(&frozen).await.with_context(|| frozen.display().to_string())?;
            served += 1;
        }
    }
    ensure!(served > 0, "none is frozen of {profile:?}");
    Ok(())
}

async fn goes_on(frozen: &Path) -> anyhow::Result<()> {
    let story = story(frozen)?;
    let endpoint = Receiver::start(Manner::Answer(200)).await?;
    let deployment = Deployment::restored(frozen, &endpoint).await?;
    let mut node = deployment.start().await?;
    let base = node.base();
    let verified: Value = serde_json::from_str(deployment.says(&["log", "verify", "--json"]).await?.trim())?;
    ensure!(verified["log"] == "verified" && verified["head"] == story.head, "{verified}, and not {}", story.head);
    if profile_of(frozen)? == Profile::Distributed {
        let views = deployment.says(&["views", "verify", "all", "--json"]).await?;
        ensure!(views.matches("\"verdict\":\"verified\"").count() == 3, "{views}");
    }

    let mut users = Vec::new();
    for person in &story.people {
        let user = User::returning(&person.username, &person.password, person.id)?;
        user.log_in(&base).await?;
        users.push(Arc::new(user));
    }
    said_before(&story, &users[0], &base).await?;
    where_they_were(&story, &users, &base).await?;
    let devices = resume(&story, &users, &base).await?;
    let inbox = talk_on(&story, &devices).await?;

    // What the endpoint had not taken, and what is new, each once and in order.
    endpoint.until(PATIENCE, "it takes everything", |requests| requests.len() >= inbox.len()).await?;
    ensure!(endpoint.took()? == inbox, "{:?}, and not {inbox:?}", endpoint.took()?);
    for device in &devices {
        ensure!(device.connections() == 1, "{device:?}");
    }
    drop(devices);
    deployment.says(&["log", "verify"]).await?;
    ensure!(node.terminate().await?.success(), "{}", node.logs());
    Ok(())
}

/// The views say what was said, changed and deleted.
async fn said_before(story: &Story, alice: &User, base: &str) -> anyhow::Result<()> {
    let path = format!("/v1/threads/{}/messages?limit=50", story.direct);
    let page = async || Ok(alice.call(base, Method::GET, &path, None).await?.to_string());
    let whole = |page: &String| {
        let count = |words: &str| page.matches(words).count();
        (count("before, number"), count("while away"), count("changed since")) == (8, 6, 1)
    };
    until("the views say all that was said", page, whole).await?;
    Ok(())
}

/// The server knows how far each device has come.
async fn where_they_were(story: &Story, users: &[Arc<User>], base: &str) -> anyhow::Result<()> {
    for (person, user) in story.people.iter().zip(users) {
        let mut socket = Socket::hello(base, user, person.device.into(), json!({})).await?;
        let Incoming::Frame(welcome) = socket.next().await? else { anyhow::bail!("closed") };
        ensure!(welcome["t"] == "welcome" && welcome["cursor"] == person.cursor, "{welcome}, and not {}", person.cursor);
    }
    Ok(())
}

/// Every device gets what it missed, each event once and in order, and nothing else.
async fn resume(story: &Story, users: &[Arc<User>], base: &str) -> anyhow::Result<Vec<Device>> {
    let history = History::default();
    let mut devices = Vec::new();
    for (person, user) in story.people.iter().zip(users) {
        let storage = Storage::new(Position(person.cursor));
        let device = Device::resume(user, person.device, &[base.to_owned()], storage, &history);
        device.live_on(base, PATIENCE).await?;
        device.stored(Position(person.missed.last().copied().unwrap_or(person.cursor)), PATIENCE).await?;
        let stored: Vec<_> = device.storage().events.iter().map(|event| event.position.0).collect();
        ensure!(stored == person.missed, "{} stored {stored:?}, and not {:?}", person.username, person.missed);
        devices.push(device);
    }
    Ok(devices)
}

/// They go on chatting; gives what the endpoint is owed in all.
async fn talk_on(story: &Story, devices: &[Device]) -> anyhow::Result<Vec<u64>> {
    let (alice, bob, carol) = (&devices[0], &devices[1], &devices[2]);
    let before = carol.storage().events.len();
    let mut inbox = story.inbox.clone();
    for number in 0..10 {
        let (speaker, thread) = (if number % 2 == 0 { alice } else { bob }, if number % 3 == 0 { story.group } else { story.direct });
        let (_, position) = post(speaker, thread, format!("after, number {number}")).await?;
        alice.stored(position, PATIENCE).await?;
        bob.stored(position, PATIENCE).await?;
        inbox.push(position.0);
    }
    let first = inbox[story.inbox.len()];
    ensure!(first == story.head + 1, "the log goes on at {first}, after {}", story.head);
    ensure!(carol.storage().events.len() == before, "Carol was removed from the group before");
    Ok(inbox)
}
