use super::*;
use crate::audience::MembershipChange;
use crate::testing::{message, pair};

#[test]
fn a_direct_thread_has_one_id_whoever_opens_it() {
    let open = |by| ThreadCommand::OpenDirect { permit: permit(1, 2), by: user(by) };
    let ids = [1, 2].map(|by| Thread::default().decide(open(by)).unwrap()[0].thread());
    assert_eq!(ids, [ThreadId::direct(pair(1, 2)); 2]);
}

#[test]
fn opening_an_open_thread_changes_nothing() {
    assert_eq!(opened().ask(ThreadCommand::OpenDirect { permit: permit(2, 1), by: user(2) }), Ok(vec![]));
}

#[test]
fn a_third_cannot_open_it() {
    assert_eq!(Thread::default().decide(ThreadCommand::OpenDirect { permit: permit(1, 2), by: user(3) }), Err(ThreadRefusal::NotFound));
}

#[test]
fn both_join_with_the_opening_itself() {
    let joined = opened().log[0].audience().users;
    assert_eq!(joined.iter().map(|addressee| addressee.user).collect::<Vec<_>>(), [user(1), user(2)]);
    assert!(joined.iter().all(|addressee| addressee.change == Some(MembershipChange::Joined)));
}

#[test]
fn one_may_post_only_with_proof_about_these_two() {
    let Admission::BetweenTwo(two) = opened().state.admit(user(1)).unwrap() else { panic!("a direct thread asks the friendship") };
    let settled = two.settle(permit(1, 2)).unwrap();
    assert_eq!((settled.author(), settled.thread()), (user(1), ThreadId::direct(pair(1, 2))));
    assert_eq!(two.settle(permit(1, 3)), Err(ThreadRefusal::NotFound));
}

#[test]
fn both_pin_and_each_deletes_what_is_theirs() {
    let mut live = opened();
    assert_eq!(live.ask(pin(2, 7)).map(|events| events.len()), Ok(1));
    assert_eq!(live.ask(delete_messages(1, [(7, 1), (8, 2)])), Err(ThreadRefusal::NotAllowed));
    assert_eq!(live.ask(delete_messages(1, [(7, 1)])).map(|events| events.len()), Ok(1));
    assert!(live.state.has_deleted(message(7)));
    assert!(live.state.pins().is_empty());
    live.replays();
}

#[test]
fn joining_ones_own_direct_thread_changes_nothing() {
    assert_eq!(opened().ask(join(1)), Ok(vec![]));
    assert_eq!(opened().ask(join(3)), Err(ThreadRefusal::NotFound));
}

#[test]
fn only_the_two_see_it() {
    let state = opened().state;
    assert_eq!(state.member(user(2)).map(|glance| (glance.kind, glance.members)), Ok((ThreadKind::Direct, 2)));
    assert_eq!(state.glance(user(3), None, minute(0)), None);
}
