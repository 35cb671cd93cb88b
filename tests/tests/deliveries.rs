//! What became of every event, on both adapters: it only goes forward, read implies delivered, and delivered that a device acknowledged it,
//! whatever the order of commits, pushes, acks, further devices, crashes, reading, leaving and joining again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "deliveries/known.rs"]
mod known;
#[path = "deliveries/stores.rs"]
mod stores;
#[path = "deliveries/world.rs"]
mod world;

use posthaste_application::deliver::Stage;
use posthaste_tests::covering::covering;
use posthaste_tests::histories::{History, USERS, Wish, wishes};
use proptest::collection::vec;
use proptest::prelude::*;
use stores::Stores;
use world::World;

/// How many devices each user can have.
const DEVICES: u64 = 3;

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// So many commands of the history are recorded.
    Commit(usize),
    /// A device connects to a node, and may name a cursor: this part of the log.
    Connect { who: Who, cursor: Option<u8>, window: usize },
    /// A node pushes what a device has room for.
    Push(Who),
    /// Somebody reads a thread up to this part of the log.
    Read { user: u64, thread: usize, part: u8 },
    /// A device acknowledges.
    Ack { who: Who, what: Acked },
    /// A node writes what it has gathered: the acks, or also what was sent and not acknowledged.
    Write { node: usize, marks: bool },
    /// A node is killed: what it had not written is gone, and so are its connections.
    Crash { node: usize },
}

/// A device, and the node it talks to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who {
    pub(crate) user: u64,
    pub(crate) device: u64,
    pub(crate) node: usize,
}

/// What is acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Acked {
    /// The last that was pushed.
    Last,
    /// One of those that were pushed.
    One(usize),
    /// What was acknowledged before.
    Again,
    /// Something old.
    Stale,
    /// What was never pushed.
    Ahead(u64),
}

/// A history, what happens around it, and how far the clock of the second node is off, in seconds.
#[derive(Clone, Debug)]
struct Case {
    wishes: Vec<Wish>,
    acts: Vec<Act>,
    skew: i64,
}

fn who() -> impl Strategy<Value = Who> {
    (0..USERS, 0..DEVICES, 0..2_usize).prop_map(|(user, device, node)| Who { user, device, node })
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let acked = prop_oneof![
        4 => Just(Acked::Last),
        3 => any::<usize>().prop_map(Acked::One),
        1 => Just(Acked::Again),
        1 => Just(Acked::Stale),
        1 => (0..9_u64).prop_map(Acked::Ahead),
    ];
    let act = prop_oneof![
        4 => (1..20_usize).prop_map(Act::Commit),
        5 => (who(), prop::option::weighted(0.3, any::<u8>()), 1..40_usize).prop_map(|(who, cursor, window)| Act::Connect { who, cursor, window }),
        9 => who().prop_map(Act::Push),
        9 => (who(), acked).prop_map(|(who, what)| Act::Ack { who, what }),
        3 => (0..USERS, any::<usize>(), any::<u8>()).prop_map(|(user, thread, part)| Act::Read { user, thread, part }),
        4 => (0..2_usize, any::<bool>()).prop_map(|(node, marks)| Act::Write { node, marks }),
        1 => (0..2_usize).prop_map(|node| Act::Crash { node }),
    ];
    vec(act, 60..140)
}

fn cases() -> impl Strategy<Value = Case> {
    let skew = prop::sample::select(vec![3_600, 3_590, 3_601, -3_600]);
    (wishes(150), acts(), skew).prop_map(|(wishes, acts, skew)| Case { wishes, acts, skew })
}

fn only_goes_forward(stores: impl AsyncFn() -> Stores) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stores = runtime.block_on(stores());
    covering(12, &cases(), [Stage::Pending, Stage::Sent, Stage::Delivered, Stage::Read], |case| {
        let history = History::of(&case.wishes);
        runtime.block_on(async {
            let store = stores.fresh().await;
            let mut world = World::new(&store, &history, case.skew).await;
            for (turn, act) in case.acts.iter().enumerate() {
                world.act(act).await;
                world.look(turn).await;
            }
            world.finish().await
        })
    });
}

#[test]
fn status_only_goes_forward_and_says_what_happened_in_sqlite() {
    only_goes_forward(async || Stores::embedded());
}

#[test]
fn status_only_goes_forward_and_says_what_happened_in_postgresql_and_its_view_says_the_same() {
    only_goes_forward(async || Stores::distributed().await.unwrap());
}
