use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::event::{Event, Personal};
use crate::testing::{Live, given, message, user};
use crate::text::{Emoji, MessageBody};
use crate::thread::{
    Admission, Appearance, History, ModeratePermit, PostPermit, ReactPermit, SharedKind, Thread, ThreadCommand, Visibility,
};

const AUTHOR: u128 = 2;
const MODERATOR: u128 = 1;
const OTHER: u128 = 3;

/// A group that belongs to 1 and has 2 and 3 in it.
fn group(n: u128) -> Thread {
    let create = ThreadCommand::Create {
        thread: thread(n),
        by: user(MODERATOR),
        kind: SharedKind::Group,
        members: vec![user(AUTHOR), user(OTHER)],
        visibility: Visibility::Private,
        history: History::All,
        appearance: Appearance { title: crate::text::Title::parse("group").unwrap(), description: None, avatar: None },
    };
    given::<Thread>([create]).state
}

fn thread(n: u128) -> ThreadId {
    ThreadId::new(Uuid::from_u128(n))
}

fn writer_in(n: u128, by: u128) -> PostPermit {
    match group(n).admit(user(by)).unwrap() {
        Admission::Granted(permit) => permit,
        Admission::BetweenTwo(_) => unreachable!("a group is no direct thread"),
    }
}

fn reactor(by: u128) -> ReactPermit {
    group(8).react(thread(8), user(by)).unwrap()
}

fn deleter_in(n: u128, by: u128) -> ModeratePermit {
    group(n).moderate(thread(n), user(by)).unwrap()
}

fn says(text: &str) -> MessageContent {
    MessageContent::Text { text: MessageBody::parse(text).unwrap() }
}

fn post_with(mentions: impl IntoIterator<Item = u128>) -> MessageCommand {
    let mentions = mentions.into_iter().map(user).collect();
    MessageCommand::Post {
        message: message(7),
        permit: writer_in(8, AUTHOR),
        reply_to: None,
        mentions,
        forwarded: None,
        content: says("hello"),
    }
}

fn post() -> MessageCommand {
    post_with([])
}

fn edit(by: u128, revision: Option<u32>, text: &str) -> MessageCommand {
    MessageCommand::Edit { permit: writer_in(8, by), revision, mentions: vec![], content: says(text) }
}

fn delete(by: u128) -> MessageCommand {
    MessageCommand::Delete { permit: deleter_in(8, by) }
}

/// A different emoji for every number up to a few hundred.
fn emoji(n: u32) -> Emoji {
    Emoji::parse(&char::from_u32(0x1F300 + n).unwrap().to_string()).unwrap()
}

fn react(by: u128, n: u32) -> MessageCommand {
    MessageCommand::React { permit: reactor(by), emoji: emoji(n) }
}

fn unreact(by: u128, n: u32) -> MessageCommand {
    MessageCommand::Unreact { permit: reactor(by), emoji: emoji(n) }
}

fn after(commands: impl IntoIterator<Item = MessageCommand>, command: MessageCommand) -> Result<Vec<MessageEvent>, MessageRefusal> {
    given::<Message>(commands).ask(command)
}

fn edited(revision: u32, text: &str) -> MessageEvent {
    let content = Personal::Known(says(text));
    MessageEvent::Edited { message: message(7), thread: thread(8), author: user(AUTHOR), revision, mentions: vec![], content }
}

fn deleted(by: u128) -> MessageEvent {
    MessageEvent::Deleted { message: message(7), thread: thread(8), by: user(by) }
}

#[test]
fn posting_says_what_where_and_by_whom() {
    let posted = MessageEvent::Posted {
        message: message(7),
        thread: thread(8),
        author: user(AUTHOR),
        reply_to: None,
        mentions: vec![],
        forwarded: None,
        content: Personal::Known(says("hello")),
    };
    assert_eq!(after([], post()), Ok(vec![posted]));
}

#[test]
fn a_message_is_posted_once_even_if_it_was_deleted() {
    assert_eq!(after([post()], post()), Err(MessageRefusal::AlreadyPosted));
    assert_eq!(after([post(), delete(AUTHOR)], post()), Err(MessageRefusal::AlreadyPosted));
}

#[test]
fn whoever_is_mentioned_twice_is_mentioned_once() {
    let events = after([], post_with([3, 1, 3, 1])).unwrap();
    assert!(matches!(&events[0], MessageEvent::Posted { mentions, .. } if *mentions == [user(3), user(1)]));
}

#[test]
fn fifty_people_can_be_mentioned_and_no_more() {
    assert!(after([], post_with((1..=50).chain(1..=50))).is_ok());
    assert_eq!(after([], post_with(1..=51)), Err(MessageRefusal::TooManyMentions));
    let MessageCommand::Post { permit, mentions, content, .. } = post_with(1..=51) else { unreachable!() };
    assert_eq!(after([post()], MessageCommand::Edit { permit, revision: None, mentions, content }), Err(MessageRefusal::TooManyMentions));
}

#[test]
fn words_come_from_whoever_wrote_them_however_often_they_were_forwarded() {
    let from = Forwarded { message: message(3), author: user(OTHER) };
    let MessageCommand::Post { message: id, permit, content, .. } = post() else { unreachable!() };
    let forward = MessageCommand::Post { message: id, permit, reply_to: None, mentions: vec![], forwarded: Some(from), content };
    let mut events = Message::default().decide(forward).unwrap();
    assert_eq!(Event::from(events[0].clone()).owner(), Some(user(OTHER).into()));
    let forwarded = Message::replay(&events).unwrap();
    assert_eq!(forwarded.posted().unwrap().origin(), from);
    // Written anew they are the editor's.
    events.extend(forwarded.decide(edit(AUTHOR, None, "mine")).unwrap());
    let own = Forwarded { message: id, author: user(AUTHOR) };
    assert_eq!(Message::replay(&events).unwrap().posted().unwrap().origin(), own);
    assert_eq!(Event::from(events[1].clone()).owner(), Some(user(AUTHOR).into()));
}

#[test]
fn only_the_author_edits_and_every_edit_counts() {
    assert_eq!(after([post()], edit(AUTHOR, None, "one")), Ok(vec![edited(2, "one")]));
    assert_eq!(after([post(), edit(AUTHOR, None, "one")], edit(AUTHOR, None, "two")), Ok(vec![edited(3, "two")]));
    assert_eq!(after([post()], edit(MODERATOR, None, "one")), Err(MessageRefusal::NotTheAuthor));
    assert_eq!(after([], edit(AUTHOR, None, "one")), Err(MessageRefusal::NotFound));
}

#[test]
fn an_edit_to_the_same_changes_nothing_unless_others_are_mentioned() {
    assert_eq!(after([post()], edit(AUTHOR, None, "hello")), Ok(vec![]));
    assert_eq!(after([post_with([OTHER])], edit(AUTHOR, None, "hello")), Ok(vec![edited(2, "hello")]));
}

#[test]
fn an_edit_can_name_the_revision_it_is_meant_for() {
    assert!(after([post()], edit(AUTHOR, Some(1), "one")).is_ok());
    assert_eq!(after([post(), edit(AUTHOR, None, "one")], edit(AUTHOR, Some(1), "two")), Err(MessageRefusal::RevisionMismatch));
    assert_eq!(after([post()], edit(AUTHOR, Some(2), "one")), Err(MessageRefusal::RevisionMismatch));
}

#[test]
fn the_author_and_the_moderators_delete_and_nobody_else() {
    assert_eq!(after([post()], delete(AUTHOR)), Ok(vec![deleted(AUTHOR)]));
    assert_eq!(after([post()], delete(MODERATOR)), Ok(vec![deleted(MODERATOR)]));
    assert_eq!(after([post()], delete(OTHER)), Err(MessageRefusal::NotAllowed));
    assert_eq!(after([], delete(MODERATOR)), Err(MessageRefusal::NotFound));
}

#[test]
fn nothing_happens_to_a_deleted_message() {
    let gone = || [post(), react(OTHER, 1), delete(AUTHOR)];
    for command in [edit(AUTHOR, None, "again"), edit(OTHER, None, "again"), react(AUTHOR, 1), unreact(OTHER, 1)] {
        assert_eq!(after(gone(), command), Err(MessageRefusal::NotFound));
    }
    assert_eq!(after(gone(), delete(AUTHOR)), Ok(vec![]));
    assert_eq!(after(gone(), delete(MODERATOR)), Ok(vec![]));
    assert_eq!(after(gone(), delete(OTHER)), Err(MessageRefusal::NotAllowed));
    assert_eq!(given::<Message>(gone()).state.posted(), Err(MessageRefusal::NotFound));
    assert_eq!(given::<Message>(gone()).state.thread(), Some(thread(8)));
}

#[test]
fn one_reacts_once_with_each_emoji() {
    let (message, thread, user) = (message(7), thread(8), user(OTHER));
    assert_eq!(after([post()], react(OTHER, 1)), Ok(vec![MessageEvent::Reacted { message, thread, user, emoji: emoji(1) }]));
    assert_eq!(after([post(), react(OTHER, 1)], react(OTHER, 1)), Ok(vec![]));
    assert!(after([post(), react(OTHER, 1)], react(OTHER, 2)).is_ok_and(|events| events.len() == 1));
    assert!(after([post(), react(OTHER, 1)], react(AUTHOR, 1)).is_ok_and(|events| events.len() == 1));
    let taken_back = MessageEvent::Unreacted { message, thread, user, emoji: emoji(1) };
    assert_eq!(after([post(), react(OTHER, 1)], unreact(OTHER, 1)), Ok(vec![taken_back]));
    assert_eq!(after([post(), react(OTHER, 1)], unreact(AUTHOR, 1)), Ok(vec![]));
}

#[test]
fn a_message_has_fifty_different_emoji_at_most() {
    let full = || std::iter::once(post()).chain((0..50).map(|n| react(OTHER, n)));
    assert_eq!(after(full(), react(AUTHOR, 50)), Err(MessageRefusal::TooManyReactions));
    assert!(after(full(), react(AUTHOR, 0)).is_ok_and(|events| events.len() == 1), "one more with the same emoji");
    assert!(after(full().chain([unreact(OTHER, 0)]), react(AUTHOR, 50)).is_ok(), "there is room again");
}

#[test]
fn proof_about_another_thread_is_no_proof() {
    let foreign = [
        MessageCommand::Edit { permit: writer_in(9, AUTHOR), revision: None, mentions: vec![], content: says("one") },
        MessageCommand::Delete { permit: deleter_in(9, MODERATOR) },
        MessageCommand::React { permit: group(9).react(thread(9), user(OTHER)).unwrap(), emoji: emoji(1) },
        MessageCommand::Unreact { permit: group(9).react(thread(9), user(OTHER)).unwrap(), emoji: emoji(1) },
    ];
    for command in foreign {
        assert_eq!(after([post()], command), Err(MessageRefusal::NotFound));
    }
    assert_eq!(after([post(), delete(AUTHOR)], MessageCommand::Delete { permit: deleter_in(9, AUTHOR) }), Err(MessageRefusal::NotFound));
}

#[test]
fn erased_content_leaves_the_facts_readable_and_can_be_written_anew() {
    let stored = r#"{"message.posted":{"message":"00000000-0000-0000-0000-000000000007","thread":"00000000-0000-0000-0000-000000000008","author":"00000000-0000-0000-0000-000000000002"}}"#;
    let event: MessageEvent = serde_json::from_str(stored).unwrap();
    let state = Message::replay([&event]).unwrap();
    assert_eq!(state.posted().unwrap().content, Personal::Erased);
    assert_eq!(state.decide(edit(AUTHOR, None, "hello")), Ok(vec![edited(2, "hello")]));
}

#[test]
fn attachments_are_one_to_ten_different_files() {
    let file = |n| Attachment {
        file: crate::id::FileId::new(Uuid::from_u128(n)),
        name: crate::text::FileName::parse("balloon.png").unwrap(),
        media_type: crate::text::MediaType::parse("image/png").unwrap(),
        bytes: 1,
    };
    let files = |ids: std::ops::Range<u128>| Attachments::try_from(ids.map(file).collect::<Vec<_>>());
    assert_eq!(files(0..0), Err(NotAttachments));
    assert!(files(0..1).is_ok());
    assert!(files(0..10).is_ok());
    assert_eq!(files(0..11), Err(NotAttachments));
    assert_eq!(Attachments::try_from(vec![file(1), file(2), file(1)]), Err(NotAttachments));
}

#[test]
fn a_client_cannot_write_the_servers_own_words() {
    for kind in ["system", "notice"] {
        let written = format!(r#"{{"kind":"{kind}","text":"3 was removed"}}"#);
        assert!(serde_json::from_str::<MessageContent>(&written).is_err());
    }
    assert!(serde_json::from_str::<MessageContent>(r#"{"kind":"text","text":"hi","system":true}"#).is_err());
}

fn commands() -> impl Strategy<Value = MessageCommand> {
    let revision = prop_oneof![Just(None), (1..4_u32).prop_map(Some)];
    prop_oneof![
        1 => prop::collection::vec(1..=3_u128, 0..4).prop_map(post_with),
        4 => (1..=3_u128, revision, "[abc]").prop_map(|(by, revision, text)| edit(by, revision, &text)),
        1 => (1..=3_u128).prop_map(delete),
        4 => (1..=3_u128, 0..3_u32).prop_map(|(by, n)| react(by, n)),
        4 => (1..=3_u128, 0..3_u32).prop_map(|(by, n)| unreact(by, n)),
    ]
}

fn events() -> impl Strategy<Value = MessageEvent> {
    (0..6, 7..=8_u128, 8..=9_u128, 1..=3_u128, 1..4_u32).prop_map(|(kind, number, place, by, n)| {
        let (message, thread, author) = (message(number), thread(place), user(by));
        let content = Personal::Known(says("hello"));
        match kind {
            0 => MessageEvent::Posted { message, thread, author, reply_to: None, mentions: vec![], forwarded: None, content },
            1 | 2 => MessageEvent::Edited { message, thread, author, revision: n, mentions: vec![], content },
            3 => MessageEvent::Deleted { message, thread, by: author },
            4 => MessageEvent::Reacted { message, thread, user: author, emoji: emoji(n) },
            _ => MessageEvent::Unreacted { message, thread, user: author, emoji: emoji(n) },
        }
    })
}

/// The rules, told a second time and over the events alone.
#[derive(Default)]
struct Rules {
    author: Option<UserId>,
    deleted: bool,
    revision: u32,
    reactions: Vec<(UserId, Emoji)>,
}

impl Rules {
    fn hold(&mut self, event: &MessageEvent) {
        assert!(!self.deleted, "{event:?} after the deletion");
        assert_eq!(self.author.is_none(), matches!(event, MessageEvent::Posted { .. }), "posted first, and once");
        match event {
            MessageEvent::Posted { author, mentions, .. } => {
                assert!(mentions.iter().enumerate().all(|(n, user)| !mentions[..n].contains(user)));
                (self.author, self.revision) = (Some(*author), 1);
            }
            MessageEvent::Edited { author, revision, .. } => {
                assert_eq!((self.author, self.revision + 1), (Some(*author), *revision));
                self.revision = *revision;
            }
            MessageEvent::Deleted { by, .. } => {
                assert!(self.author == Some(*by) || *by == user(MODERATOR), "deleted by who may not");
                self.deleted = true;
            }
            MessageEvent::Reacted { user, emoji, .. } => {
                let reaction = (*user, emoji.clone());
                assert!(!self.reactions.contains(&reaction), "reacted twice");
                self.reactions.push(reaction);
            }
            MessageEvent::Unreacted { user, emoji, .. } => {
                let before = self.reactions.len();
                self.reactions.retain(|reaction| *reaction != (*user, emoji.clone()));
                assert_eq!(self.reactions.len() + 1, before, "took back what was not there");
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_the_log_obeys_the_rules_and_replays(commands in prop::collection::vec(commands(), 0..40)) {
        let (mut live, mut rules) = (Live::<Message>::default(), Rules::default());
        for command in std::iter::once(post()).chain(commands) {
            live.ask(command).unwrap_or_default().iter().for_each(|event| rules.hold(event));
        }
        live.replays();
    }

    #[test]
    fn an_event_that_does_not_fit_leaves_the_state_alone(events in prop::collection::vec(events(), 0..60)) {
        let mut live = Live::<Message>::default();
        events.iter().for_each(|event| live.offer(event));
        live.replays();
    }
}
