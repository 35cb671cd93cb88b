//! Whatever happens, in whatever order: the checkpoint covers only what was confirmed, every connection goes on from the checkpoint
//! without a gap, and in the end everything was published and confirmed.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use super::TIMING;
use super::fakes::{Outcome, World};
use crate::relay::Relay;

#[derive(Clone, Debug)]
enum Happening {
    Append(u64),
    Confirm(Index),
    Nack(Index),
    Lose(Index),
    ConnectionBreaks,
    BrokerBlocks,
    StoreStalls,
    Pass(u64),
    Step,
    OtherSteps,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (1..20_u64).prop_map(Happening::Append),
        12 => any::<Index>().prop_map(Happening::Confirm),
        1 => any::<Index>().prop_map(Happening::Nack),
        1 => any::<Index>().prop_map(Happening::Lose),
        1 => Just(Happening::ConnectionBreaks),
        1 => Just(Happening::BrokerBlocks),
        1 => Just(Happening::StoreStalls),
        6 => (1..900_u64).prop_map(Happening::Pass),
        1 => Just(Happening::Pass(6_000)),
        18 => Just(Happening::Step),
        4 => Just(Happening::OtherSteps),
    ]
}

struct Checked {
    world: World,
    /// For each connection, where the checkpoint was when it was opened.
    begun_at: Vec<u64>,
}

impl Checked {
    fn step(&mut self, relay: &mut Relay) -> Outcome {
        let checkpoint = self.world.lease.checkpoint_position().0;
        let outcome = self.world.settle(relay);
        assert!(self.world.broker.connections() <= self.begun_at.len() + 1, "a step connects at most once");
        if self.world.broker.connections() > self.begun_at.len() {
            self.begun_at.push(checkpoint);
        }
        self.check();
        outcome
    }

    fn check(&self) {
        let checkpoint = self.world.lease.checkpoint_position().0;
        let confirmed = self.world.broker.confirmed_prefix();
        assert!(checkpoint <= confirmed, "the checkpoint {checkpoint} is beyond what was confirmed without a hole, {confirmed}");
        for (connection, begun_at) in self.begun_at.iter().enumerate() {
            let mut end = *begun_at;
            let mut previous = end;
            for (first, last) in self.world.broker.runs_of(connection + 1) {
                // A call that was dropped may have published a run that is then published again, perhaps with more events.
                assert!(first == end + 1 || first == previous + 1, "connection {connection}: {first} follows {end}");
                previous = first - 1;
                end = last;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_confirmations_and_failures_loses_or_reorders_an_event(
        happenings in proptest::collection::vec(happening(), 1..120),
    ) {
        let world = World::with_events(0);
        let (mut relay, mut other) = (world.relay(), world.relay());
        let mut checked = Checked { world, begun_at: Vec::new() };
        let (mut blocked, mut refused, mut stalled) = (false, false, false);
        for happening in happenings {
            let world = &checked.world;
            let pick = |index: Index| {
                let unanswered = world.broker.unanswered();
                (!unanswered.is_empty()).then(|| unanswered[index.index(unanswered.len())])
            };
            match happening {
                Happening::Append(events) => world.append(events),
                Happening::Confirm(index) => pick(index).into_iter().for_each(|run| world.broker.confirm(run)),
                Happening::Nack(index) => pick(index).into_iter().for_each(|run| world.broker.nack(run)),
                Happening::Lose(index) => pick(index).into_iter().for_each(|run| world.broker.lose(run)),
                Happening::ConnectionBreaks => {
                    refused = !refused;
                    world.broker.refuse_runs(refused);
                }
                Happening::BrokerBlocks => {
                    blocked = !blocked;
                    world.broker.block_runs(blocked);
                }
                Happening::StoreStalls => {
                    stalled = !stalled;
                    world.stall_every_call(stalled);
                }
                Happening::Pass(milliseconds) => world.pass(Duration::from_millis(milliseconds)),
                Happening::Step => drop(checked.step(&mut relay)),
                Happening::OtherSteps => drop(checked.step(&mut other)),
            }
        }
        checked.world.broker.refuse_runs(false);
        checked.world.broker.block_runs(false);
        checked.world.stall_every_call(false);
        checked.world.append(1);
        // The other one is dead; what it holds runs out.
        drop(other);
        for _ in 0..50 {
            checked.step(&mut relay);
            checked.world.broker.confirm_all();
            checked.world.pass(TIMING.checkpoint);
        }
        prop_assert_eq!(checked.world.lease.checkpoint_position(), checked.world.log.last());
    }
}
