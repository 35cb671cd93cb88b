use uuid::Uuid;

use super::*;
use crate::event::Personal;
use crate::friendship::{Friendship, FriendshipEvent};
use crate::id::UserPair;
use crate::text::MessageBody;
use crate::thread::{Admission, PostPermit, Thread, ThreadCommand};

fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

fn permit() -> PostPermit {
    let pair = UserPair::new(user(1), user(2)).unwrap();
    let events = [FriendshipEvent::Requested { pair, by: user(1) }, FriendshipEvent::Accepted { pair, by: user(2) }];
    let friends = Friendship::replay(&events).unwrap().permit().unwrap();
    let opened = Thread::default().decide(ThreadCommand::OpenDirect { friends, by: user(1) }).unwrap();
    let Admission::AmongFriends(admission) = Thread::replay(&opened).unwrap().admit(user(1)).unwrap();
    admission.settle(friends).unwrap()
}

fn post(text: &str) -> MessageCommand {
    let content = MessageContent::Text { text: MessageBody::parse(text).unwrap() };
    MessageCommand::Post { message: MessageId::new(Uuid::from_u128(7)), permit: permit(), content }
}

#[test]
fn posting_says_what_where_and_by_whom() {
    let events = Message::default().decide(post("hello")).unwrap();
    let content = Personal::Known(MessageContent::Text { text: MessageBody::parse("hello").unwrap() });
    let message = MessageId::new(Uuid::from_u128(7));
    assert_eq!(events, [MessageEvent::Posted { message, thread: permit().thread(), author: user(1), content }]);
}

#[test]
fn a_message_is_posted_once() {
    let posted = Message::replay(&Message::default().decide(post("hello")).unwrap()).unwrap();
    assert_eq!(posted.decide(post("again")), Err(MessageRefusal::AlreadyPosted));
}

#[test]
fn erased_content_leaves_the_facts_readable() {
    let stored = r#"{"type":"message.posted","message":"00000000-0000-0000-0000-000000000007","thread":"00000000-0000-0000-0000-000000000008","author":"00000000-0000-0000-0000-000000000001"}"#;
    let event: MessageEvent = serde_json::from_str(stored).unwrap();
    let MessageEvent::Posted { content, author, .. } = event;
    assert_eq!(content, Personal::Erased);
    assert_eq!(author, user(1));
}
