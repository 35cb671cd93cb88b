use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::id::{DeviceId, ThreadId};
use crate::testing::{Live, given, user};

fn thread() -> ThreadId {
    ThreadId::new(Uuid::from_u128(9))
}

fn asks(change: SubscriptionChange) -> SubscriptionCommand {
    SubscriptionCommand { thread: thread(), user: user(1), change }
}

fn after<const N: usize>(changes: [SubscriptionChange; N], change: SubscriptionChange) -> Vec<SubscriptionEvent> {
    given::<Subscription>(changes.map(asks)).ask(asks(change)).unwrap()
}

fn read(upto: u64) -> SubscriptionChange {
    SubscriptionChange::Read { upto, device: None }
}

#[test]
fn reading_goes_forward_only() {
    assert_eq!(after([], read(5)), [SubscriptionEvent::Read { thread: thread(), user: user(1), upto: 5, device: None }]);
    assert_eq!(after([read(5)], read(5)), []);
    assert_eq!(after([read(5)], read(4)), []);
    assert_eq!(after([read(5)], read(6)).len(), 1);
    assert_eq!(after([], read(0)), [], "nothing is read up to the beginning anyway");
}

#[test]
fn reading_says_on_which_device() {
    let device = Some(DeviceId::new(Uuid::from_u128(7)));
    let event = SubscriptionEvent::Read { thread: thread(), user: user(1), upto: 5, device };
    assert_eq!(after([], SubscriptionChange::Read { upto: 5, device }), [event]);
    assert_eq!(after([read(5)], SubscriptionChange::Read { upto: 5, device }), [], "where it was read first counts");
}

#[test]
fn muting_and_archiving_are_said_once() {
    use SubscriptionChange::{Archive, Mute};
    let (thread, user) = (thread(), user(1));
    assert_eq!(after([], Mute(true)), [SubscriptionEvent::Muted { thread, user }]);
    assert_eq!(after([Mute(true)], Mute(true)), []);
    assert_eq!(after([Mute(true)], Mute(false)), [SubscriptionEvent::Unmuted { thread, user }]);
    assert_eq!(after([], Mute(false)), []);
    assert_eq!(after([Mute(true)], Archive(true)), [SubscriptionEvent::Archived { thread, user }]);
    assert_eq!(after([Archive(true)], Archive(true)), []);
    assert_eq!(after([Archive(true)], Archive(false)), [SubscriptionEvent::Unarchived { thread, user }]);
    assert_eq!(after([], Archive(false)), []);
}

#[test]
fn nobody_else_is_told() {
    for change in [read(1), SubscriptionChange::Mute(true), SubscriptionChange::Archive(true)] {
        let audience = after([], change)[0].audience();
        assert_eq!(audience.thread, None);
        assert_eq!(audience.users.iter().map(|addressee| addressee.user).collect::<Vec<_>>(), [user(1)]);
    }
}

fn changes() -> impl Strategy<Value = SubscriptionChange> {
    prop_oneof![
        (0..20_u64).prop_map(read),
        any::<bool>().prop_map(SubscriptionChange::Mute),
        any::<bool>().prop_map(SubscriptionChange::Archive),
    ]
}

fn events() -> impl Strategy<Value = SubscriptionEvent> {
    (0..5, 0..20_u64).prop_map(|(kind, upto)| {
        let (thread, user) = (thread(), user(1));
        match kind {
            0 => SubscriptionEvent::Read { thread, user, upto, device: None },
            1 => SubscriptionEvent::Muted { thread, user },
            2 => SubscriptionEvent::Unmuted { thread, user },
            3 => SubscriptionEvent::Archived { thread, user },
            _ => SubscriptionEvent::Unarchived { thread, user },
        }
    })
}

proptest! {
    #[test]
    fn whatever_is_asked_holds_afterwards_and_reading_never_goes_back(changes in prop::collection::vec(changes(), 0..40)) {
        let mut live = Live::<Subscription>::default();
        let mut furthest = 0;
        for change in changes {
            live.ask(asks(change)).unwrap();
            match change {
                SubscriptionChange::Read { upto, .. } => furthest = furthest.max(upto),
                SubscriptionChange::Mute(muted) => prop_assert_eq!(live.state.muted, muted),
                SubscriptionChange::Archive(archived) => prop_assert_eq!(live.state.archived, archived),
            }
            prop_assert_eq!(live.state.read, furthest);
        }
        let reads = live.log.iter().filter_map(|event| if let SubscriptionEvent::Read { upto, .. } = *event { Some(upto) } else { None });
        prop_assert!(reads.is_sorted_by(|earlier, later| earlier < later));
        live.replays();
    }

    #[test]
    fn an_event_that_does_not_fit_leaves_the_state_alone(events in prop::collection::vec(events(), 0..40)) {
        let mut live = Live::<Subscription>::default();
        events.iter().for_each(|event| live.offer(event));
        live.replays();
    }
}
