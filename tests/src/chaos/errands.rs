//! What people do beside talking: they come and go, react, edit, delete, and read.

use std::time::Duration;

use anyhow::Context as _;
use rand::RngExt as _;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::load::{Load, Person, Said};
use super::{PATIENCE, Setting};
use crate::actor::Refused;

/// Between two errands of the same kind, at most.
const PACE: Duration = Duration::from_millis(400);

/// Runs errands until it gets quiet. Gives how many were carried out.
pub(super) async fn errands(load: &Load, setting: &Setting, quiet: &CancellationToken) -> anyhow::Result<usize> {
    let (moved, handled) = tokio::join!(come_and_go(load, setting.randomness(3), quiet), handle(load, setting.randomness(4), quiet));
    Ok(moved.context("coming and going")? + handled.context("what happens to messages")?)
}

/// The last of the people is let in and put out, is let in and leaves, again and again.
async fn come_and_go(load: &Load, mut randomness: StdRng, quiet: &CancellationToken) -> anyhow::Result<usize> {
    let (owner, guest) = (&load.people[0], load.people.last().context("nobody is there")?);
    let members = format!("/v1/threads/{}/members", load.room);
    let (them, me) = (format!("{members}/{}", guest.user.id()), format!("{members}/me"));
    let add = || (owner, Method::POST, &members, Some(json!({ "users": [guest.user.id()] })));
    let mut done = 0;
    loop {
        for (person, method, path, body) in [add(), (owner, Method::DELETE, &them, None), add(), (guest, Method::DELETE, &me, None)] {
            if pause(&mut randomness, quiet).await.is_none() {
                return Ok(done);
            }
            person.user.settle(&load.doors, &method, path, body.as_ref(), PATIENCE).await?;
            done += 1;
        }
    }
}

/// Things happen to messages.
async fn handle(load: &Load, mut randomness: StdRng, quiet: &CancellationToken) -> anyhow::Result<usize> {
    let mut done = 0;
    while pause(&mut randomness, quiet).await.is_some() {
        let Some(said) = load.recent(&mut randomness) else { continue };
        let number = randomness.random_range(0..load.people.len());
        let (number, method, path, body) = errand(&said, number, randomness.random_range(0..6), done);
        if !load.is_in(number, said.thread) {
            continue;
        }
        let Person { user, .. } = &load.people[number];
        match user.settle(&load.doors, &method, &path, body.as_ref(), PATIENCE).await {
            Ok(_) => done += 1,
            // Deleted meanwhile, or not reacted to.
            Err(error) if error.downcast_ref::<Refused>().is_some_and(|refused| matches!(refused.status, 404 | 409)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

fn errand(said: &Said, number: usize, what: usize, done: usize) -> (usize, Method, String, Option<Value>) {
    let message = format!("/v1/messages/{}", said.message);
    match what {
        0 | 1 => (number, Method::PUT, format!("{message}/reactions/%F0%9F%91%8D"), None),
        2 => (number, Method::DELETE, format!("{message}/reactions/%F0%9F%91%8D"), None),
        3 => (said.author, Method::PATCH, message, Some(json!({ "content": { "kind": "text", "text": format!("edit {done}") } }))),
        4 => (said.author, Method::DELETE, message, None),
        _ => (number, Method::PUT, format!("/v1/threads/{}/read", said.thread), Some(json!({ "upto": said.position }))),
    }
}

async fn pause(randomness: &mut StdRng, quiet: &CancellationToken) -> Option<()> {
    quiet.run_until_cancelled(sleep(PACE.mul_f64(randomness.random()))).await
}
