//! Whatever the broker, the devices and the timing do, every device gets everything it is owed, once, in order, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fake::{direct, joined, opened, posted, registered, requested};
use crate::port::broker::Run;

const USERS: u128 = 4;
const DEVICES: usize = 6;
/// Small, so that it is often full.
const WINDOW: Window = Window { events: 3, bytes: usize::MAX };

/// Something that gets recorded. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Happening {
    Registered(u128),
    Requested(u128, u128),
    /// Opens the thread of two, or lets another in if it is open.
    Joined(u128, u128, u128),
    Posted(u128, u128),
    /// More than an inbox holds.
    Burst(u128, u128),
}

#[derive(Clone, Debug)]
enum Act {
    Record(Vec<Happening>),
    /// The relay publishes the next so many events as one run.
    Publish(usize),
    /// The broker delivers one of the runs it holds, and may keep it to deliver it again.
    Deliver {
        which: usize,
        again: bool,
    },
    /// The broker loses one of its runs.
    Lose(usize),
    /// The feed's subscription ends.
    Cut,
    Look,
    /// A device connects, in place of its older connection if it has one; meanwhile this happens, and is routed already.
    Connect {
        which: usize,
        meanwhile: Vec<Happening>,
    },
    Disconnect(usize),
    /// A device takes the next so many outputs.
    Take(usize, usize),
    /// A device acks all but so many of what it has.
    Ack(usize, usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    let who = 0..USERS;
    prop_oneof![
        1 => who.clone().prop_map(Happening::Registered),
        2 => (who.clone(), who.clone()).prop_map(|(by, of)| Happening::Requested(by, of)),
        4 => (who.clone(), who.clone(), who.clone()).prop_map(|(one, other, who)| Happening::Joined(one, other, who)),
        12 => (who.clone(), who.clone()).prop_map(|(by, to)| Happening::Posted(by, to)),
        1 => (who.clone(), who).prop_map(|(by, to)| Happening::Burst(by, to)),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let device = 0..DEVICES;
    prop_oneof![
        6 => vec(happening(), 1..5).prop_map(Act::Record),
        6 => (1..400_usize).prop_map(Act::Publish),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(which, again)| Act::Deliver { which, again }),
        2 => any::<usize>().prop_map(Act::Lose),
        1 => Just(Act::Cut),
        1 => Just(Act::Look),
        3 => (device.clone(), vec(happening(), 0..4)).prop_map(|(which, meanwhile)| Act::Connect { which, meanwhile }),
        1 => device.clone().prop_map(Act::Disconnect),
        6 => (device.clone(), 1..4_usize).prop_map(|(device, outputs)| Act::Take(device, outputs)),
        4 => (device, 0..3_usize).prop_map(|(device, but)| Act::Ack(device, but)),
    ]
}

/// A device through all its connections.
struct Owner {
    device: Device,
    client: Option<Client>,
    cursor: u64,
    /// Everything it has stored; what it gets twice, over two connections, it has once.
    stored: BTreeSet<u64>,
    pushed: u64,
}

impl Owner {
    fn take(&mut self, outputs: usize) -> bool {
        let Some(client) = &mut self.client else { return false };
        for _ in 0..outputs {
            match client.next() {
                Some(Output::Events(frames)) => {
                    for frame in frames {
                        self.pushed = client.receive(&frame);
                        self.stored.insert(self.pushed);
                    }
                }
                Some(Output::Live(position)) => assert_eq!(client.live.replace(position.0), None, "live is announced once"),
                Some(Output::Detached(why)) => panic!("{why:?}"),
                None => return false,
            }
        }
        true
    }

    fn ack(&mut self, but: usize) {
        let Some(client) = &mut self.client else { return };
        let upto = self.stored.range(..=self.pushed).rev().nth(but).copied();
        if let Some(upto) = upto
            && let Some(moved) = client.ack(upto)
        {
            self.cursor = moved;
        }
    }
}

struct World {
    node: Node,
    /// What the relay has published.
    published: u64,
    /// What the broker holds.
    held: Vec<Run>,
    /// Numbers messages.
    messages: u128,
    opened: BTreeMap<(u128, u128), BTreeSet<u128>>,
    owners: Vec<Owner>,
}

impl World {
    fn new() -> Self {
        let owner = |n: usize| {
            let device = device(n as u128 % USERS, n as u128);
            Owner { device, client: None, cursor: 0, stored: BTreeSet::new(), pushed: 0 }
        };
        let owners = (0..DEVICES).map(owner).collect();
        Self { node: Node::new(), published: 0, held: Vec::new(), messages: 0, opened: BTreeMap::new(), owners }
    }

    fn head(&self) -> u64 {
        self.node.log.all().len() as u64
    }

    fn events(&mut self, happening: &Happening) -> Vec<Event> {
        match *happening {
            Happening::Registered(who) => vec![registered(who, "somebody")],
            Happening::Requested(by, of) if by != of => vec![requested(by, of)],
            Happening::Joined(one, other, who) if one != other => {
                let (low, high) = (one.min(other), one.max(other));
                let members = self.opened.entry((low, high)).or_default();
                if members.is_empty() {
                    members.extend([low, high]);
                    vec![opened(one, other)]
                } else if members.insert(who) {
                    vec![joined(direct(low, high), low, who)]
                } else {
                    vec![]
                }
            }
            // Before a thread is opened its messages have nobody to go to, and must not go to who joins later.
            Happening::Posted(by, to) if by != to => self.post(by, to, 1),
            Happening::Burst(by, to) if by != to => self.post(by, to, 300),
            Happening::Requested(..) | Happening::Joined(..) | Happening::Posted(..) | Happening::Burst(..) => vec![],
        }
    }

    fn post(&mut self, by: u128, to: u128, count: u128) -> Vec<Event> {
        let first = self.messages;
        self.messages += count;
        (first..self.messages).map(|n| posted(n, direct(by, to), by, Some("hi"))).collect()
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Record(happenings) => {
                for happening in happenings {
                    let events = self.events(happening);
                    self.node.record(events);
                }
            }
            Act::Publish(count) => {
                let first = usize::try_from(self.published).unwrap();
                let run: Vec<_> = self.node.log.all().into_iter().skip(first).take(*count).collect();
                if let Some(last) = run.last() {
                    self.published = last.position.0;
                    self.held.push(crate::fake::run(&run));
                }
            }
            Act::Deliver { which, again } if !self.held.is_empty() => {
                let which = which % self.held.len();
                self.node.broker.deliver(&self.held[which]);
                self.node.step();
                if !again {
                    self.held.remove(which);
                }
            }
            Act::Lose(which) if !self.held.is_empty() => drop(self.held.remove(which % self.held.len())),
            Act::Deliver { .. } | Act::Lose(_) => {}
            Act::Cut => {
                self.node.broker.cut();
                assert!(self.node.feed.step().now_or_never().unwrap().is_err());
                self.node.step();
            }
            Act::Look => self.node.look(),
            Act::Connect { which, meanwhile } => self.connect(*which, meanwhile),
            Act::Disconnect(which) => self.owners[*which].client = None,
            Act::Take(which, outputs) => drop(self.owners[*which].take(*outputs)),
            Act::Ack(which, but) => self.owners[*which].ack(*but),
        }
    }

    fn connect(&mut self, which: usize, meanwhile: &[Happening]) {
        let events: Vec<_> = meanwhile.iter().flat_map(|happening| self.events(happening)).collect();
        let (log, hub) = (Arc::clone(&self.node.log), Arc::clone(&self.node.hub));
        if !events.is_empty() {
            self.node.log.after_memberships(move || {
                log.record(events);
                let routed = usize::try_from(hub.position().0).unwrap();
                hub.route(&crate::fake::run(&log.all()[routed..]));
            });
        }
        let owner = &mut self.owners[which];
        let client = self.node.connect_with(owner.device, owner.cursor, WINDOW);
        if let Some(mut old) = owner.client.replace(client) {
            assert_eq!(old.expect_detached(), Detached::Replaced);
        }
        owner.pushed = owner.cursor;
    }

    /// The storm is over: everything comes to rest.
    fn settle(&mut self) {
        self.node.look();
        self.node.look();
        assert_eq!(self.node.hub.position().0, self.head());
        for which in 0..DEVICES {
            if self.owners[which].client.is_none() {
                self.connect(which, &[]);
            }
            let owner = &mut self.owners[which];
            for _ in 0..10_000 {
                let more = owner.take(10);
                let before = owner.cursor;
                owner.ack(0);
                if !more && owner.cursor == before {
                    break;
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_device_gets_everything_it_is_owed_once_and_in_order_whatever_the_broker_does(acts in vec(act(), 1..80)) {
        let mut world = World::new();
        for act in &acts {
            world.act(act);
        }
        world.settle();
        for owner in &world.owners {
            let stored: Vec<_> = owner.stored.iter().copied().collect();
            prop_assert_eq!(stored, world.node.log.owed(owner.device.user), "{:?}", owner.device);
            prop_assert_eq!(owner.client.as_ref().unwrap().live.is_some(), true, "{:?} is live", owner.device);
        }
    }
}
