//! One message: what it says, what it answers, reactions, pins.

use posthaste_domain::message::Forwarded;
use posthaste_domain::thread::History;

use super::*;
use crate::fake::events::*;
use crate::view::timeline::QUOTE_CHARACTERS;

fn pins(story: &Story, who: u128, page: Page) -> Vec<(u64, u64)> {
    let pins = story.ask().pins(user(who), thread(100), page);
    pins.into_iter().map(|(pinned, entry)| (pinned.0, entry.position.0)).collect()
}

fn quote(story: &Story, who: u128, id: u128) -> Quote {
    story.message(who, id).unwrap().reply_to.unwrap()
}

fn counts(story: &Story, who: u128, id: u128) -> Vec<(String, u32, bool)> {
    let reactions = story.message(who, id).unwrap().reactions;
    reactions.into_iter().map(|count| (count.emoji.to_string(), count.count, count.mine)).collect()
}

#[test]
fn a_message_says_what_it_says_now() {
    let forwarded = Some(Forwarded { message: message(77), author: user(7) });
    let mut story = Story::of([group(100, 1, [2], History::All), said_with(1, 100, 1, text("hi"), None, &[2, 3], forwarded)]);
    let mut expected = MessageEntry {
        message: message(1),
        author: user(1),
        content: Some(text("hi")),
        deleted: false,
        revision: 1,
        edited_at: None,
        reply_to: None,
        mentions: vec![user(2), user(3)],
        forwarded,
        pinned: false,
        reactions: vec![],
    };
    assert_eq!(story.message(2, 1).as_ref(), Some(&expected));
    let entry = story.ask().message(user(2), message(1)).unwrap();
    assert_eq!((entry.position, entry.thread, entry.at), (Position(2), thread(100), at(2)));
    story.then(&edited(1, 100, 1, 2, Some("ho")));
    expected = MessageEntry { content: Some(text("ho")), revision: 2, edited_at: Some(at(3)), mentions: vec![], ..expected };
    assert_eq!(story.message(2, 1).as_ref(), Some(&expected));
    story.then(&edited(1, 100, 1, 3, None));
    expected = MessageEntry { content: None, revision: 3, edited_at: Some(at(4)), ..expected };
    assert_eq!(story.message(2, 1), Some(expected));
    assert_eq!(story.message(2, 99), None);
}

#[test]
fn nothing_that_was_said_remains_of_a_deleted_message() {
    for event in [deleted(2, 100, 2), bulk_deleted(100, 1, [2, 9])] {
        let mut story = Story::of([group(100, 1, [2], History::All), said(1, 100, 1, "first")]);
        story.then(&said_with(2, 100, 2, text("secret"), Some(1), &[1], None));
        story.then(&reacted(2, 100, 1, "👍"));
        story.then(&pinned(100, 1, 2));
        story.then(&answered(3, 100, 1, 2));
        assert_eq!(quote(&story, 1, 3).text.as_deref(), Some("secret"));
        story.then(&event);
        // What comes after cannot bring it back.
        story.then(&edited(2, 100, 2, 2, Some("secret")));
        story.then(&reacted(2, 100, 2, "👍"));
        let entry = story.message(2, 2).unwrap();
        assert_eq!((entry.content, entry.deleted, entry.mentions, entry.reactions, entry.pinned), (None, true, vec![], vec![], false));
        assert_eq!((entry.author, entry.revision, entry.reply_to.unwrap().message), (user(2), 1, message(1)));
        assert_eq!(quote(&story, 1, 3), Quote { message: message(2), author: Some(user(2)), text: None, deleted: true });
        assert_eq!(story.ask().reactions(message(2), TOP), []);
        assert_eq!(pins(&story, 1, TOP), []);
        let search = Search::parse("secret").unwrap();
        assert_eq!(story.ask().search(user(1), None, &search, TOP), []);
        assert!(!format!("{:?}", story.timeline).contains("secret"), "the fold itself has forgotten it");
    }
}

#[test]
fn an_answer_quotes_the_beginning_of_what_it_answers_as_it_is_now() {
    let long = "é".repeat(QUOTE_CHARACTERS + 1);
    let mut story = Story::of([group(100, 1, [2], History::All), said(1, 100, 1, &long), answered(2, 100, 2, 1)]);
    let quoted = |text: Option<&str>| Quote { message: message(1), author: Some(user(1)), text: text.map(str::to_owned), deleted: false };
    assert_eq!(quote(&story, 2, 2), quoted(Some(&"é".repeat(QUOTE_CHARACTERS))));
    story.then(&edited(1, 100, 1, 2, Some("short")));
    assert_eq!(quote(&story, 2, 2), quoted(Some("short")));
    story.then(&edited(1, 100, 1, 3, None));
    assert_eq!(quote(&story, 2, 2), quoted(None));
}

#[test]
fn a_quote_of_what_is_not_for_the_one_who_looks_says_nothing() {
    let mut story = Story::of([group(100, 1, [], History::Joined), said(1, 100, 1, "before"), added(100, 1, [2]), answered(2, 100, 1, 1)]);
    let nothing = |id| Quote { message: message(id), author: None, text: None, deleted: false };
    assert_eq!(quote(&story, 2, 2), nothing(1));
    assert_eq!(quote(&story, 1, 2).text.as_deref(), Some("before"));
    story.then(&deleted(1, 100, 1));
    assert_eq!(quote(&story, 2, 2), nothing(1), "not even that it was deleted");
    assert!(quote(&story, 1, 2).deleted);
    // Of another thread, and of none.
    story.then(&group(101, 1, [2], History::All));
    story.then(&said(3, 101, 1, "elsewhere"));
    story.then(&answered(4, 100, 1, 3));
    story.then(&answered(5, 100, 1, 999));
    assert_eq!((quote(&story, 1, 4), quote(&story, 1, 5)), (nothing(3), nothing(999)));
}

#[test]
fn reactions_are_counted_by_emoji_the_one_that_was_used_first_first() {
    let mut story = Story::of([group(100, 1, [2, 3], History::All), said(1, 100, 1, "hi")]);
    for (who, with) in [(2, "🎉"), (1, "👍"), (3, "🎉"), (3, "👍"), (3, "👍"), (3, "❤️")] {
        story.then(&reacted(1, 100, who, with));
    }
    let count = |emoji: &str, count, mine| (emoji.to_owned(), count, mine);
    assert_eq!(counts(&story, 1, 1), [count("🎉", 2, false), count("👍", 2, true), count("❤️", 1, false)]);
    story.then(&unreacted(1, 100, 2, "🎉"));
    assert_eq!(counts(&story, 3, 1), [count("👍", 2, true), count("🎉", 1, true), count("❤️", 1, true)]);
    let who = |page| positions(&story.ask().reactions(message(1), page), |reaction| reaction.position);
    assert_eq!(who(TOP), [8, 6, 5, 4], "a reaction that is repeated stands where it stood");
    assert_eq!((who(page(6, 1)), who(Page { before: None, limit: 2 })), (vec![5], vec![8, 6]));
    let reaction = Reaction { position: Position(8), user: user(3), emoji: emoji("❤️"), at: at(8) };
    assert_eq!(story.ask().reactions(message(1), TOP)[0], reaction);
    assert_eq!(story.ask().reactions(message(99), TOP), []);
    story.then(&unreacted(1, 100, 3, "🎉"));
    assert_eq!(counts(&story, 3, 1), [count("👍", 2, true), count("❤️", 1, true)]);
}

#[test]
fn pinned_messages_are_listed_by_their_pin_as_far_as_they_are_seen() {
    let mut story = Story::of([group(100, 1, [], History::Joined), said(1, 100, 1, "before"), added(100, 1, [2])]);
    story.then(&said(2, 100, 1, "after"));
    story.then(&said(3, 100, 1, "later"));
    for id in [3, 1, 2] {
        story.then(&pinned(100, 1, id));
    }
    assert_eq!(pins(&story, 1, TOP), [(8, 4), (7, 2), (6, 5)]);
    assert_eq!(pins(&story, 2, TOP), [(8, 4), (6, 5)]);
    assert_eq!((pins(&story, 1, page(8, 1)), pins(&story, 2, page(8, 1))), (vec![(7, 2)], vec![(6, 5)]));
    assert_eq!(pins(&story, 3, TOP), []);
    assert!(story.message(1, 2).unwrap().pinned);
    story.then(&unpinned(100, 1, 2));
    story.then(&deleted(3, 100, 1));
    assert_eq!((pins(&story, 1, TOP), pins(&story, 2, TOP)), (vec![(7, 2)], vec![]));
    assert!(!story.message(1, 2).unwrap().pinned);
    story.then(&left(100, 2));
    assert_eq!(pins(&story, 2, TOP), []);
}
