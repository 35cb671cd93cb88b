//! Crashes, pauses and outages.

use std::sync::Arc;
use std::time::Duration;

use super::node;
use super::world::World;

/// How long something is down at most.
const DOWN: Duration = Duration::from_secs(3);
/// Longer than a lease.
const FROZEN: Duration = Duration::from_secs(9);

/// Does so many evil things, and puts everything right again.
pub(super) async fn rage(world: Arc<World>, deeds: usize) {
    for _ in 0..deeds {
        world.schedule.linger(Duration::from_secs(2)).await;
        let node = world.schedule.roll(|dice| dice.index(world.nodes().len()));
        match world.schedule.roll(|dice| dice.below(100)) {
            0..35 => crash(&world, node).await,
            35..50 => crash_all(&world).await,
            50..65 => freeze(&world, node),
            65..75 => {
                world.schedule.note(|| "the broker goes down".to_owned());
                world.broker.go_down();
                world.schedule.linger(DOWN).await;
                world.broker.come_up();
            }
            75..88 => rebuild(&world).await,
            _ => {
                world.schedule.note(|| "the stores do not answer".to_owned());
                world.weather.cut_stores(true);
                world.schedule.linger(DOWN).await;
                world.weather.cut_stores(false);
            }
        }
    }
}

/// One process is killed and started again.
async fn crash(world: &Arc<World>, node: usize) {
    world.schedule.note(|| format!("node {node} crashes"));
    kill(world, node);
    world.schedule.linger(DOWN).await;
    start(world, node).await;
}

/// Everything is killed, and the file is opened again.
async fn crash_all(world: &Arc<World>) {
    world.schedule.note(|| "everything crashes".to_owned());
    let nodes = world.nodes().len();
    (0..nodes).for_each(|node| kill(world, node));
    world.disk.close();
    world.schedule.sleep(Duration::from_millis(1)).await;
    world.schedule.linger(DOWN).await;
    world.disk.open().expect("nobody holds the file any more");
    for node in 0..nodes {
        start(world, node).await;
    }
}

fn kill(world: &World, node: usize) {
    let dead = world.nodes()[node].take();
    if let Some(dead) = dead {
        world.schedule.kill(dead.group);
    }
}

/// Starts a process, unless it is up.
pub(super) async fn start(world: &Arc<World>, number: usize) {
    if world.nodes()[number].is_none() {
        let node = node::start(Arc::clone(world), number).await;
        world.schedule.note(|| format!("node {number} is up"));
        world.nodes()[number] = Some(node);
    }
}

/// A process stands still, past its lease perhaps, and goes on as if nothing had happened.
fn freeze(world: &World, node: usize) {
    let group = world.nodes()[node].as_ref().map(|node| node.group);
    let pause = Duration::from_millis(world.schedule.roll(|dice| dice.below(9_000))).min(FROZEN);
    if let Some(group) = group {
        world.schedule.note(|| format!("node {node} stands still for {pause:?}"));
        world.schedule.freeze(group, pause);
    }
}

/// A view is forgotten in the middle of everything.
async fn rebuild(world: &World) {
    let projections = world.nodes()[0].as_ref().map(|node| node.projections.clone()).unwrap_or_default();
    if projections.is_empty() {
        return;
    }
    let projection = &projections[world.schedule.roll(|dice| dice.index(projections.len()))];
    world.schedule.note(|| format!("{} is built anew", projection.name()));
    projection.reset().await.expect("memory does not fail");
}
