use super::*;
use crate::testing::message;

#[test]
fn a_message_is_pinned_once_and_taken_down_once() {
    let (thread, by, message) = (thread(), user(ADMIN), message(7));
    let mut live = group();
    assert_eq!(live.ask(pin(ADMIN, 7)), Ok(vec![ThreadEvent::MessagePinned { thread, by, message }]));
    assert_eq!(live.ask(pin(OWNER, 7)), Ok(vec![]));
    assert_eq!(live.state.pins(), [message]);
    assert_eq!(live.ask(unpin(ADMIN, 7)), Ok(vec![ThreadEvent::MessageUnpinned { thread, by, message }]));
    assert_eq!(live.ask(unpin(ADMIN, 7)), Ok(vec![]));
}

#[test]
fn fifty_messages_are_pinned_at_most() {
    let mut live = (0..50).fold(group(), |live, n| live.and(pin(OWNER, n)));
    assert_eq!(live.ask(pin(OWNER, 50)), Err(ThreadRefusal::TooManyPins));
    assert_eq!(live.ask(pin(OWNER, 0)), Ok(vec![]), "it is pinned already");
    assert!(live.and(unpin(OWNER, 0)).and(pin(OWNER, 50)).state.pins().len() == 50);
}

#[test]
fn a_deleted_message_comes_down_with_whoever_may_delete_it() {
    let unpin_deleted = |by| ThreadCommand::UnpinDeleted { by: user(by), message: message(7) };
    let unpinned = ThreadEvent::MessageUnpinned { thread: thread(), by: user(MEMBER), message: message(7) };
    assert_eq!(group().and(pin(OWNER, 7)).ask(unpin_deleted(MEMBER)), Ok(vec![unpinned]));
    assert_eq!(group().ask(unpin_deleted(MEMBER)), Ok(vec![]));
    assert_eq!(group().and(pin(OWNER, 7)).ask(unpin_deleted(OUTSIDER)), Err(ThreadRefusal::NotFound));
}

#[test]
fn a_member_deletes_their_own_messages_together_and_a_moderator_anybodys() {
    let mut live = group();
    assert_eq!(live.ask(delete_messages(MEMBER, [(7, MEMBER), (8, OWNER)])), Err(ThreadRefusal::NotAllowed));
    let deleted = |by, messages: &[u128]| ThreadEvent::MessagesDeleted {
        thread: thread(),
        by: user(by),
        messages: messages.iter().copied().map(message).collect(),
    };
    assert_eq!(live.ask(delete_messages(MEMBER, [(7, MEMBER), (8, MEMBER), (7, MEMBER)])), Ok(vec![deleted(MEMBER, &[7, 8])]));
    assert_eq!(live.ask(delete_messages(ADMIN, [(8, MEMBER), (9, OWNER)])), Ok(vec![deleted(ADMIN, &[9])]), "8 is deleted already");
    assert_eq!(live.ask(delete_messages(ADMIN, [(8, MEMBER)])), Ok(vec![]));
    assert!([7, 8, 9].into_iter().all(|n| live.state.has_deleted(message(n))));
    assert!(!live.state.has_deleted(message(10)));
}

#[test]
fn one_to_a_hundred_messages_are_deleted_together() {
    let mut live = group();
    let several = |count| delete_messages(OWNER, (0..count).map(|n| (n, MEMBER)));
    assert_eq!(live.ask(several(0)), Err(ThreadRefusal::BadCount));
    assert_eq!(live.ask(several(101)), Err(ThreadRefusal::BadCount));
    assert_eq!(live.ask(several(100)).map(|events| events.len()), Ok(1));
}

#[test]
fn a_deleted_message_is_pinned_no_more_and_never_again() {
    let mut live = group().and(pin(OWNER, 7)).and(pin(OWNER, 8)).and(delete_messages(OWNER, [(7, MEMBER)]));
    assert_eq!(live.state.pins(), [message(8)]);
    assert_eq!(live.ask(pin(OWNER, 7)), Err(ThreadRefusal::NotFound));
    live.replays();
}
