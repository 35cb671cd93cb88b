//! What is left of somebody who was erased.

use posthaste_domain::message::{Forwarded, MessageEvent};
use posthaste_domain::text::{DisplayName, Username};
use posthaste_domain::thread::History;
use posthaste_domain::user::{Profile, UserEvent};
use posthaste_domain::{OwnerId, Personal};

use super::*;
use crate::fake::events::{answered, deleted, edited, group, message, pinned, reacted, said, text};

const ALICE: u128 = 1;
const BOB: u128 = 2;

fn registered(who: u128, name: &str) -> Event {
    let profile = Profile { username: Username::parse(name).unwrap(), display_name: DisplayName::parse(name).unwrap() };
    UserEvent::Registered { user: user(who), content: profile.into() }.into()
}

/// The user posts what the message of another says.
fn forwards(id: u128, by: u128, of: u128, words: &str) -> Event {
    let (message, thread, forwarded) = (message(id), thread(100), Some(Forwarded { message: message(1), author: user(of) }));
    let content = Personal::from(Some(text(words)));
    MessageEvent::Posted { message, thread, author: user(by), reply_to: None, mentions: vec![user(BOB)], forwarded, content }.into()
}

/// Alice and Bob talk.
fn talk() -> Vec<Event> {
    vec![
        registered(ALICE, "alice"),
        registered(BOB, "bob"),
        group(100, BOB, [ALICE], History::All),
        said(11, 100, ALICE, "apple of Alice"),
        said(12, 100, BOB, "apple of Bob"),
        answered(13, 100, BOB, 11),
        forwards(14, BOB, ALICE, "apple of Alice"),
        forwards(15, ALICE, BOB, "apple of Bob"),
        forwards(16, BOB, ALICE, "apple of Alice"),
        edited(16, 100, BOB, 2, Some("apple of Bob himself")),
        forwards(17, ALICE, BOB, "apple of Bob"),
        edited(17, 100, ALICE, 2, Some("apple of Alice herself")),
        said(18, 100, ALICE, "apple of Alice, deleted"),
        deleted(18, 100, ALICE),
        pinned(100, BOB, 11),
        reacted(11, 100, BOB, "👍"),
    ]
}

fn erased(who: u128) -> Event {
    UserEvent::Erased { user: user(who) }.into()
}

fn says(story: &Story, id: u128) -> Option<String> {
    Some(story.message(BOB, id)?.content?.text()?.as_str().to_owned())
}

fn found(story: &Story) -> Vec<u64> {
    let found = story.ask().search(user(BOB), None, &Search::parse("apple").unwrap(), TOP);
    positions(&found, |entry| entry.position)
}

#[test]
fn what_they_said_is_gone_wherever_it_stands_and_what_others_said_is_not() {
    let mut story = Story::of(talk());
    assert_eq!(found(&story).len(), 6, "the words have been looked up before");
    let before = story.message(BOB, 11).unwrap();
    story.then(&erased(ALICE));
    assert_eq!([11, 14, 17].map(|id| says(&story, id)), [None, None, None]);
    assert_eq!(
        [12, 15, 16].map(|id| says(&story, id)),
        [Some("apple of Bob".to_owned()), Some("apple of Bob".to_owned()), Some("apple of Bob himself".to_owned())]
    );
    assert_eq!(found(&story), [9, 8, 5]);
    assert_eq!(story.message(BOB, 11), Some(MessageEntry { content: None, ..before }), "pin, reactions and everything else stay");
    assert_eq!(story.message(BOB, 13).unwrap().reply_to.map(|quote| (quote.author, quote.text)), Some((Some(user(ALICE)), None)));
    let person = story.ask().accounts(&AccountFilter::default(), TOP).remove(1).person;
    assert_eq!((person.user, person.username, person.display_name), (user(ALICE), None, None));
    assert_eq!(story.ask().directory(user(BOB), "alice", TOP), []);
}

/// A view that is built once the keys are gone reads nothing of what the live one has taken out.
#[test]
fn a_view_that_is_built_anew_is_the_same() {
    for who in [ALICE, BOB] {
        let (mut live, mut anew) = (Story::of(talk()), Story::default());
        live.then(&erased(who));
        for event in talk().into_iter().chain([erased(who)]) {
            let gone = event.owner() == Some(OwnerId::from(user(who)));
            anew.last += 1;
            let mut recorded = recorded(anew.last, &event);
            if gone {
                recorded.content = None;
            }
            anew.threads.apply(&recorded).unwrap();
            anew.timeline.apply(&recorded).unwrap();
            anew.people.apply(&recorded).unwrap();
        }
        assert_eq!((&live.timeline, &live.people, &live.threads), (&anew.timeline, &anew.people, &anew.threads));
    }
}
