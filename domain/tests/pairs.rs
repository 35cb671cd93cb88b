//! Rules that read more than one aggregate: whoever posts is a member, and not blocked, when the message is recorded, and so on. Commands are
//! decided on what is known and recorded later, in another order; whatever a decision has read is checked when it is recorded, as the log does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "pairs/rules.rs"]
mod rules;
#[path = "pairs/world.rs"]
mod world;

use proptest::prelude::*;
use rules::Rules;
use world::{Ask, Decided, Place, World};

/// Everything that was recorded obeys the rules.
fn obeys(world: &World) -> Result<(), String> {
    let mut rules = Rules::new(world.policy);
    world.log.iter().try_for_each(|event| rules.hold(event))
}

/// The log when these were decided at once and recorded one after the other: without checks, or deciding again where something has moved.
fn both_at_once(before: &[Ask], first: Ask, second: Ask, checked: bool) -> Result<World, String> {
    let mut world = World::new(posthaste_domain::friendship::DirectPolicy::Friends);
    before.iter().for_each(|ask| assert!(world.ask(*ask), "{ask:?} was refused"));
    let decided = [first, second].map(|ask| (ask, world.decide(ask).unwrap()));
    for (ask, decided) in decided {
        if !checked {
            world.record(decided);
        } else if !world.commit(decided) {
            world.ask(ask);
        }
    }
    obeys(&world).map(|()| world)
}

/// Recorded unchecked, the two break a rule, which the checker sees; checked, they do not.
fn only_checks_keep(before: &[Ask], first: Ask, second: Ask) {
    let broken = both_at_once(before, first, second, false);
    assert!(broken.is_err(), "{first:?}, {second:?} broke nothing");
    assert!(both_at_once(before, first, second, true).is_ok());
}

#[test]
fn a_message_is_not_recorded_behind_its_authors_removal() {
    only_checks_keep(&[], Ask::Remove { by: 1, whom: 3 }, Ask::Post { by: 3, place: Place::Group, n: 1 });
    only_checks_keep(&[], Ask::Leave { by: 3 }, Ask::Post { by: 3, place: Place::Group, n: 1 });
    let posted = [Ask::Post { by: 3, place: Place::Group, n: 1 }];
    only_checks_keep(&posted, Ask::Remove { by: 1, whom: 3 }, Ask::Edit { by: 3, n: 1 });
    only_checks_keep(&posted, Ask::Remove { by: 1, whom: 2 }, Ask::React { by: 2, n: 1 });
}

#[test]
fn a_message_is_not_recorded_behind_a_block() {
    let friends = [Ask::Befriend { by: 1 }, Ask::Befriend { by: 2 }, Ask::OpenDirect { by: 1 }];
    only_checks_keep(&friends, Ask::Block { by: 2 }, Ask::Post { by: 1, place: Place::Direct, n: 1 });
    only_checks_keep(&friends, Ask::EndFriendship { by: 2 }, Ask::Post { by: 1, place: Place::Direct, n: 1 });
    only_checks_keep(&friends[..2], Ask::Block { by: 2 }, Ask::OpenDirect { by: 1 });
}

#[test]
fn nobody_is_added_behind_their_ban_or_block() {
    only_checks_keep(&[], Ask::Ban { by: 1, whom: 4 }, Ask::Add { by: 1, whom: 4 });
    let left = [Ask::Leave { by: 2 }];
    only_checks_keep(&left, Ask::Block { by: 2 }, Ask::Add { by: 1, whom: 2 });
    only_checks_keep(&[], Ask::Ban { by: 1, whom: 4 }, Ask::Join { by: 4 });
}

#[test]
fn nothing_happens_to_a_message_behind_its_deletion() {
    let posted = [Ask::Post { by: 3, place: Place::Group, n: 1 }];
    for delete in [Ask::Delete { by: 3, n: 1 }, Ask::DeleteTogether { by: 3, n: 1 }] {
        only_checks_keep(&posted, delete, Ask::Pin { by: 1, n: 1 });
        only_checks_keep(&posted, delete, Ask::React { by: 2, n: 1 });
        only_checks_keep(&posted, delete, Ask::Edit { by: 3, n: 1 });
    }
}

fn asks() -> impl Strategy<Value = Ask> {
    (0..30_u8, 1..=4_u128, 1..=4_u128, 0..6_u128).prop_map(|(kind, by, whom, n)| match kind {
        0..4 => Ask::Post { by, place: Place::Group, n },
        4..8 => Ask::Post { by, place: Place::Direct, n },
        8..10 => Ask::Edit { by, n },
        10..12 => Ask::React { by, n },
        12 => Ask::Delete { by, n },
        13 => Ask::DeleteTogether { by, n },
        14 => Ask::Pin { by, n },
        15..17 => Ask::Befriend { by },
        17 => Ask::EndFriendship { by },
        18 => Ask::Block { by },
        19..21 => Ask::Unblock { by },
        21 => Ask::OpenDirect { by },
        22 => Ask::Remove { by, whom },
        23 => Ask::Leave { by },
        24 => Ask::Ban { by, whom },
        25 => Ask::Unban { by, whom },
        26..28 => Ask::Join { by },
        _ => Ask::Add { by, whom },
    })
}

/// A command that was decided and waits for its turn.
struct Pending {
    due: usize,
    ask: Ask,
    decided: Decided,
}

proptest! {
    #[test]
    fn whatever_is_decided_in_between_the_log_obeys_the_rules(asked in prop::collection::vec((asks(), 0..5_usize), 0..120), anyone: bool) {
        use posthaste_domain::friendship::DirectPolicy;
        let mut world = World::new(if anyone { DirectPolicy::Anyone } else { DirectPolicy::Friends });
        let mut pending: Vec<Pending> = Vec::new();
        for (step, (ask, waits)) in asked.into_iter().enumerate() {
            if let Some(decided) = world.decide(ask) {
                pending.push(Pending { due: step + waits, ask, decided });
            }
            let (due, later) = pending.into_iter().partition(|pending| pending.due <= step);
            pending = later;
            for Pending { ask, decided, .. } in due {
                if !world.commit(decided) {
                    world.ask(ask);
                }
            }
        }
        prop_assert_eq!(obeys(&world), Ok(()));
        world.replays();
    }
}
