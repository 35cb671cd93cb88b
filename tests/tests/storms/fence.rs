//! One connection of each device, whatever node it is on.

use anyhow::{Context as _, ensure};
use posthaste_tests::actor::Incoming;
use posthaste_tests::node::migrate;
use posthaste_tests::{Node, NodeSettings, Sandbox};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use crate::crowd::{Installation, next, users};
use crate::{PATIENCE, alone};

#[tokio::test]
async fn a_device_that_connects_to_another_node_is_let_go_of_by_the_first_and_stays_on_the_second() -> anyhow::Result<()> {
    let _alone = alone().await;
    let sandbox = Sandbox::new("fence").await?;
    migrate(&sandbox).await?;
    let settings = NodeSettings::distributed(&sandbox);
    let (one, other) = tokio::try_join!(Node::start("one node", settings.clone()), Node::start("another node", settings))?;
    let user = &users(&one.base(), "alice", 1).await?[0];
    let (mut phone, mut desk) = (Installation::new(user), Installation::new(user));
    let mut untouched = desk.connect(&one.base()).await?.socket;
    // There and back again: it is not the node that counts.
    let mut old = phone.connect(&one.base()).await?.socket;
    for node in [&other, &one] {
        let mut new = phone.connect(&node.base()).await?.socket;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match timeout_at(deadline, old.next()).await.context("the older connection goes on")?? {
                Incoming::Frame(frame) => ensure!(frame["t"] == "hb" || frame["code"] == "replaced_by_same_device", "{frame}"),
                ended @ (Incoming::Closed(..) | Incoming::Cut) => {
                    ensure!(ended == Incoming::Closed(4204, "replaced_by_same_device".to_owned()), "{ended:?}");
                    break;
                }
            }
        }
        for socket in [&mut new, &mut untouched] {
            socket.send(&json!({ "t": "ping", "n": 7 })).await?;
            let pong = next(socket).await?;
            ensure!(pong["t"] == "pong", "{pong}");
        }
        old = new;
    }
    Ok(())
}
