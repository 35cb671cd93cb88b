//! The relay on a log, a lease and a broker that do exactly what the test says.

mod fakes;
mod random;

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt as _;

use self::fakes::{Outcome, World};
use super::*;

const TIMING: RelayTiming =
    RelayTiming { lease: Duration::from_secs(5), checkpoint: Duration::from_millis(250), confirm: Duration::from_secs(30) };

#[test]
fn what_is_in_the_log_is_published_in_order_in_runs() {
    let world = World::with_events(RUN as u64 + 8);
    let mut relay = world.relay();
    assert_eq!(world.settle(&mut relay), Outcome::Waiting);
    assert_eq!(world.broker.runs(), [(1, 512), (513, 520)]);
    world.append(3);
    assert_eq!(world.settle(&mut relay), Outcome::Waiting);
    assert_eq!(world.broker.runs(), [(1, 512), (513, 520), (521, 523)], "it does not wait for confirmations to publish more");
    world.broker.confirm_all();
    assert_eq!(world.settle(&mut relay), Outcome::Idle);
    assert_eq!(relay.published(), Some(Position(523)));
}

#[test]
fn where_the_log_is_not_known_to_go_on_it_is_read_only_after_the_relay_was_idle() {
    let world = World::with_events(RUN as u64 + 8);
    let mut relay = world.relay();
    assert_eq!(world.settle(&mut relay), Outcome::Waiting);
    assert_eq!(world.log.reads.load(Ordering::Relaxed), 2, "after a full run it looks for more, after one that was not full it does not");
    world.log.silent.store(true, Ordering::Relaxed);
    world.append(3);
    assert_eq!(world.settle(&mut relay), Outcome::Waiting);
    world.broker.confirm_all();
    assert_eq!(world.settle(&mut relay), Outcome::Idle);
    assert_eq!(world.log.reads.load(Ordering::Relaxed), 2);
    assert_eq!(world.settle(&mut relay), Outcome::Waiting);
    assert_eq!(world.broker.runs(), [(1, 512), (513, 520), (521, 523)], "whoever should have been woken finds it all the same");
}

#[test]
fn the_checkpoint_follows_what_is_confirmed() {
    let world = World::with_events(2);
    let mut relay = world.relay();
    world.settle(&mut relay);
    world.pass(TIMING.checkpoint);
    world.settle(&mut relay);
    assert_eq!(world.lease.checkpoint_position(), Position(0), "nothing is confirmed yet");
    world.broker.confirm(0);
    world.settle(&mut relay);
    world.pass(TIMING.checkpoint);
    world.settle(&mut relay);
    assert_eq!(world.lease.checkpoint_position(), Position(2));
}

#[test]
fn the_checkpoint_never_passes_an_unconfirmed_run_even_when_later_ones_are_confirmed() {
    let world = World::with_events(1);
    let mut relay = world.relay();
    for _ in 0..3 {
        world.settle(&mut relay);
        world.append(1);
    }
    world.settle(&mut relay);
    assert_eq!(world.broker.runs(), [(1, 1), (2, 2), (3, 3), (4, 4)]);
    for (confirmed, checkpoint) in [(2, 0), (0, 1), (3, 1), (1, 4)] {
        world.broker.confirm(confirmed);
        world.settle(&mut relay);
        world.pass(TIMING.checkpoint);
        world.settle(&mut relay);
        assert_eq!(world.lease.checkpoint_position(), Position(checkpoint), "after the confirmation of run {confirmed}");
    }
}

#[test]
fn after_a_refusal_it_starts_again_from_the_checkpoint_and_skips_nothing() {
    for failure in [fakes::Broker::nack, fakes::Broker::lose] {
        let world = World::with_events(1);
        let mut relay = world.relay();
        for _ in 0..3 {
            world.settle(&mut relay);
            world.append(1);
        }
        world.broker.confirm(0);
        world.settle(&mut relay);
        world.pass(TIMING.checkpoint);
        world.settle(&mut relay);
        assert_eq!(world.lease.checkpoint_position(), Position(1));

        failure(&world.broker, 1);
        world.broker.confirm(2);
        assert!(matches!(world.settle(&mut relay), Outcome::Failed(RelayError::Port(_))));
        assert_eq!(world.settle(&mut relay), Outcome::Waiting);
        assert_eq!(world.broker.runs(), [(2, 4)], "on the new connection");
        world.broker.confirm_all();
        assert_eq!(world.settle(&mut relay), Outcome::Idle);
        world.pass(TIMING.checkpoint);
        world.settle(&mut relay);
        assert_eq!(world.lease.checkpoint_position(), Position(4));
    }
}

#[test]
fn a_connection_that_breaks_while_publishing_is_replaced() {
    let world = World::with_events(5);
    let mut relay = world.relay();
    world.broker.refuse_runs(true);
    assert!(matches!(world.settle(&mut relay), Outcome::Failed(RelayError::Port(_))));
    world.broker.refuse_runs(false);
    assert_eq!(world.settle(&mut relay), Outcome::Waiting);
    assert_eq!((world.broker.connections(), world.broker.runs()), (2, vec![(1, 5)]));
}

#[test]
fn a_relay_that_was_fenced_stops_publishing_and_stands_by() {
    let world = World::with_events(2);
    let (mut stale, mut fresh) = (world.relay(), world.relay());
    world.settle(&mut stale);
    world.pass(TIMING.lease);
    assert_eq!(world.settle(&mut fresh), Outcome::Waiting);
    world.append(3);

    world.broker.confirm_all();
    assert!(matches!(world.settle(&mut stale), Outcome::Failed(RelayError::Fenced(Fenced { epoch: 1 }))));
    assert_eq!(world.settle(&mut stale), Outcome::Standby);
    assert_eq!(world.broker.runs_of(1), [(1, 2)], "the stale one has published nothing after it lost the lease");
    assert_eq!(world.lease.checkpoint_position(), Position(0), "nor has it moved the checkpoint");
}

#[test]
fn a_standby_takes_over_when_the_lease_runs_out_and_publishes_again_only_what_is_after_the_checkpoint() {
    let world = World::with_events(2);
    let (mut dead, mut standby) = (world.relay(), world.relay());
    world.settle(&mut dead);
    world.broker.confirm_all();
    world.settle(&mut dead);
    world.pass(TIMING.checkpoint);
    world.settle(&mut dead);
    world.append(3);
    world.settle(&mut dead);
    world.broker.confirm_all();

    world.pass(TIMING.lease - Duration::from_millis(1));
    assert_eq!(world.settle(&mut standby), Outcome::Standby);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.settle(&mut standby), Outcome::Waiting);
    assert_eq!(world.broker.runs(), [(3, 5)]);
}

#[test]
fn a_relay_that_stops_saves_what_is_confirmed_and_hands_over_at_once() {
    let world = World::with_events(2);
    let (mut relay, mut standby) = (world.relay(), world.relay());
    world.settle(&mut relay);
    world.append(1);
    world.settle(&mut relay);
    world.broker.confirm(0);
    relay.stop().now_or_never().expect("nothing to wait for").expect("a lease");
    assert_eq!(world.settle(&mut standby), Outcome::Waiting);
    assert_eq!(world.broker.runs(), [(3, 3)]);
}

#[test]
fn the_lease_is_kept_while_the_broker_takes_nothing() {
    let world = World::with_events(2);
    let (mut relay, mut standby) = (world.relay(), world.relay());
    world.broker.block_runs(true);
    for _ in 0..6 {
        assert_eq!(world.settle(&mut relay), Outcome::Waiting);
        world.pass(TIMING.lease * 2 / 3);
        assert_eq!(world.settle(&mut relay), Outcome::Waiting);
        assert_eq!(world.settle(&mut standby), Outcome::Standby);
    }
    world.broker.block_runs(false);
    world.settle(&mut relay);
    assert_eq!(world.broker.runs(), [(1, 2)]);
}

#[test]
fn connecting_may_take_longer_than_a_step_and_the_lease_is_kept_meanwhile() {
    let world = World::with_events(2);
    let (mut relay, mut standby) = (world.relay(), world.relay());
    world.broker.block_connecting(true);
    for _ in 0..3 {
        assert_eq!(world.settle(&mut relay), Outcome::Waiting);
        world.pass(TIMING.lease * 2 / 3);
        assert_eq!(world.settle(&mut relay), Outcome::Waiting);
        assert_eq!(world.settle(&mut standby), Outcome::Standby);
    }
    assert_eq!(world.broker.attempts(), 1, "it never starts over");
    world.broker.block_connecting(false);
    assert_eq!(world.settle(&mut relay), Outcome::Waiting);
    assert_eq!(world.broker.runs(), [(1, 2)]);
}

#[test]
fn a_relay_that_cannot_connect_lets_another_try() {
    let world = World::with_events(2);
    let (mut relay, mut standby) = (world.relay(), world.relay());
    world.broker.refuse_connections(true);
    assert!(matches!(world.settle(&mut relay), Outcome::Failed(RelayError::Port(_))));
    world.broker.refuse_connections(false);
    assert_eq!(world.settle(&mut standby), Outcome::Waiting);
    assert_eq!(world.settle(&mut relay), Outcome::Standby);
}

#[test]
fn a_broker_that_owes_something_for_too_long_is_given_up() {
    let connecting = |broker: &fakes::Broker| broker.block_connecting(true);
    let taking = |broker: &fakes::Broker| broker.block_runs(true);
    let confirming = |_: &fakes::Broker| {};
    for owe in [connecting as fn(&fakes::Broker), taking, confirming] {
        let world = World::with_events(1);
        let mut relay = world.relay();
        // A pause before there is anything to publish does not count.
        owe(&world.broker);
        assert_eq!(world.settle(&mut relay), Outcome::Waiting);
        world.pass_in_steps(&mut relay, TIMING.confirm - Duration::from_millis(1));
        assert_eq!(world.settle(&mut relay), Outcome::Waiting);
        world.pass(Duration::from_millis(1));
        assert!(matches!(world.settle(&mut relay), Outcome::Failed(RelayError::Unconfirmed)));
    }
}

#[test]
fn the_time_for_a_confirmation_begins_with_the_run() {
    let world = World::with_events(0);
    let mut relay = world.relay();
    assert_eq!(world.settle(&mut relay), Outcome::Idle);
    world.pass_in_steps(&mut relay, TIMING.confirm * 2);
    world.append(2);
    assert_eq!(world.settle(&mut relay), Outcome::Waiting);
    world.pass_in_steps(&mut relay, TIMING.confirm - Duration::from_secs(1));
    world.append(1);
    assert_eq!(world.settle(&mut relay), Outcome::Waiting);
    world.broker.confirm(0);
    assert_eq!(world.settle(&mut relay), Outcome::Waiting, "the first is confirmed, the time of the second begins");
    world.pass_in_steps(&mut relay, TIMING.confirm - Duration::from_secs(1));
    assert_eq!(world.settle(&mut relay), Outcome::Waiting);
}

#[test]
fn confirmations_that_came_during_a_pause_count_before_its_length_does() {
    let world = World::with_events(1);
    let mut relay = world.relay();
    world.settle(&mut relay);
    world.broker.confirm_all();
    world.pass(TIMING.confirm * 2);
    assert_eq!(world.settle(&mut relay), Outcome::Idle);
}

#[test]
fn with_all_it_may_have_in_flight_it_waits_for_a_confirmation_and_nothing_else() {
    let world = World::with_events(0);
    let mut relay = world.relay();
    for _ in 0..IN_FLIGHT + 5 {
        world.append(1);
        assert_eq!(world.settle(&mut relay), Outcome::Waiting);
    }
    assert_eq!(world.broker.runs().len(), IN_FLIGHT);
    world.broker.confirm(0);
    assert_eq!(world.settle(&mut relay), Outcome::Waiting);
    assert_eq!(world.broker.runs().last(), Some(&(33, 37)), "then everything that has come since goes out together");
}

#[test]
fn a_checkpoint_beyond_the_head_stops_it_loudly() {
    let world = World::with_events(3);
    let mut relay = world.relay();
    world.lease.restore(Position(7));
    for _ in 0..2 {
        let Outcome::Failed(error) = world.settle(&mut relay) else { panic!("it goes on") };
        assert!(error.to_string().contains("checkpoint 7 is beyond the head of the log 3"), "{error}");
    }
    assert_eq!(world.broker.attempts(), 0);
}

#[test]
fn a_log_that_is_replaced_by_a_shorter_one_under_an_idle_relay_stops_it_loudly() {
    let world = World::with_events(3);
    let mut relay = world.relay();
    world.settle(&mut relay);
    world.broker.confirm_all();
    assert_eq!(world.settle(&mut relay), Outcome::Idle);
    world.log.truncate(2);
    world.pass_in_steps(&mut relay, TIMING.checkpoint);
    world.pass(TIMING.lease);
    assert!(matches!(world.settle(&mut relay), Outcome::Failed(RelayError::BeyondHead { checkpoint: Position(3), head: Position(2) })));
}

#[test]
fn a_gap_in_the_log_is_not_published_over() {
    let world = World::with_events(5);
    world.log.remove(3);
    let mut relay = world.relay();
    let Outcome::Failed(RelayError::Port(error)) = world.settle(&mut relay) else { panic!("it goes on") };
    assert_eq!(error.to_string(), "corrupt data in the log after position 2");
    assert!(world.broker.runs().is_empty());
}

#[test]
fn a_clock_that_is_set_back_does_not_make_it_forget_its_lease() {
    let world = World::with_events(1);
    let mut relay = world.relay();
    world.broker.confirm_at_once(true);
    world.settle(&mut relay);
    // Only this host's clock: the lease runs by the store's.
    world.clock.set_back(Duration::from_secs(3_600));
    world.pass(TIMING.checkpoint);
    world.settle(&mut relay);
    assert_eq!(world.lease.checkpoint_position(), Position(1));
}

#[test]
fn a_step_that_is_dropped_anywhere_loses_and_repeats_nothing_that_matters() {
    // Every port stalls once at each of its calls; a step meets the stall, is dropped, and the next one goes on.
    let world = World::with_events(3);
    world.stall_every_call(true);
    let mut relay = world.relay();
    for _ in 0..200 {
        world.settle(&mut relay);
        world.broker.confirm_all();
        world.pass(TIMING.checkpoint / 4);
    }
    assert_eq!(world.lease.checkpoint_position(), Position(3));
    assert_eq!(world.broker.connections(), 1);
    assert_eq!(world.broker.runs().first(), Some(&(1, 3)));
}
