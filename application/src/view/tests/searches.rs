//! Searching messages: which texts match, and which of them a user finds.

use posthaste_domain::FileId;
use posthaste_domain::message::{Attachment, Attachments, MessageContent};
use posthaste_domain::text::{FileName, MediaType, MessageBody};
use posthaste_domain::thread::History;
use uuid::Uuid;

use super::*;
use crate::fake::events::*;

fn matches(text: &str, search: &str) -> bool {
    Search::parse(search).unwrap().matches(text)
}

fn found(story: &Story, who: u128, thread_id: Option<u128>, search: &str, page: Page) -> Vec<u64> {
    let search = Search::parse(search).unwrap();
    positions(&story.ask().search(user(who), thread_id.map(thread), &search, page), |entry| entry.position)
}

#[test]
fn every_word_must_occur_and_the_last_one_may_be_begun() {
    let text = "The quick brown fox, it jumps!";
    for search in ["quick", "qui", "fox quick", "brown THE ju", "jumps", "it", "(quick) fo"] {
        assert!(matches(text, search), "{search}");
    }
    for search in ["uick", "qui fox", "quick cat", "quick quicker", "jumps!x"] {
        assert!(!matches(text, search), "{search}");
    }
}

#[test]
fn words_are_compared_folded_whatever_stands_between_them() {
    assert!(matches("Ｗｉｄｅ STRASSE, ÉCOLE; 42nd", "wide école 42"));
    assert!(matches("don't", "don t"));
    assert!(matches("snake_case", "snake case"));
    assert!(matches("Привет, мир", "ПРИВЕТ"));
    assert!(!matches("ecole", "école"));
}

#[test]
fn a_text_without_words_is_no_search() {
    for text in ["", "  ", "!?…", "👍"] {
        assert_eq!(Search::parse(text), None, "{text:?}");
    }
}

#[test]
fn only_so_many_words_and_so_many_characters_of_a_word_are_looked_at() {
    let sixteen: Vec<_> = (10..26).map(|n| format!("w{n}")).collect();
    let search = sixteen.join(" ");
    assert!(matches(&search, &format!("{search} absent")), "the seventeenth is not looked at");
    assert!(!matches(&sixteen[1..].join(" "), &format!("{search} absent")));
    let long = "x".repeat(64);
    assert!(matches(&format!("{long}yyy end"), &format!("{long}zzz end")), "words that differ after the 64th character are one");
    assert!(!matches(&format!("{}a end", "x".repeat(63)), &format!("{}b end", "x".repeat(63))));
}

#[test]
fn messages_are_found_in_one_thread_or_in_all_of_a_users_newest_first() {
    let story = Story::of([
        group(100, 1, [2], History::Joined),
        group(101, 1, [2], History::Joined),
        group(102, 1, [], History::Joined),
        said(1, 100, 1, "red apple"),
        said(2, 101, 1, "green apples"),
        said(3, 102, 1, "apple elsewhere"),
        said(4, 100, 2, "apple red apple"),
        said(5, 100, 2, "pear"),
        archived(101, 2),
    ]);
    assert_eq!(found(&story, 2, None, "appl", TOP), [7, 5, 4]);
    assert_eq!(found(&story, 2, Some(100), "appl", TOP), [7, 4]);
    assert_eq!(found(&story, 1, None, "apple", TOP), [7, 6, 5, 4]);
    assert_eq!(found(&story, 2, None, "apple red", TOP), [7, 4]);
    assert_eq!(found(&story, 2, Some(102), "apple", TOP), [0; 0]);
    assert_eq!(found(&story, 3, None, "apple", TOP), [0; 0]);
    assert_eq!(found(&story, 2, None, "apple", Page { before: None, limit: 2 }), [7, 5]);
    assert_eq!(found(&story, 2, None, "apple", page(7, 1)), [5]);
    assert_eq!(found(&story, 2, None, "red a", page(7, 9)), [4]);
    assert_eq!(found(&story, 2, None, "apple", page(4, 9)), [0; 0]);
}

#[test]
fn what_is_searched_is_what_a_message_says_now() {
    let mut story = Story::of([group(100, 1, [2], History::All), said(1, 100, 1, "apple"), said(2, 100, 1, "apple pear")]);
    story.then(&edited(1, 100, 1, 2, Some("cherry")));
    assert_eq!((found(&story, 2, None, "apple", TOP), found(&story, 2, None, "cherry", TOP)), (vec![3], vec![2]));
    story.then(&edited(2, 100, 1, 2, None));
    assert_eq!(found(&story, 2, None, "apple", TOP), [0; 0], "erased");
    story.then(&edited(2, 100, 1, 3, Some("apple again")));
    assert_eq!(found(&story, 2, None, "apple ag", TOP), [3]);
    story.then(&deleted(2, 100, 1));
    story.then(&bulk_deleted(100, 1, [1]));
    assert_eq!((found(&story, 2, None, "apple", TOP), found(&story, 2, None, "cherry", TOP)), (vec![], vec![]));
}

#[test]
fn a_word_that_occurs_a_thousand_times_is_found_newest_first_with_and_without_others() {
    let mut story = Story::of([group(100, 1, [], History::All)]);
    (0..1_000).for_each(|n| story.then(&said(n, 100, 1, if n % 2 == 0 { "red apple" } else { "red pear" })));
    let three = Page { before: None, limit: 3 };
    assert_eq!(found(&story, 1, None, "re", three), [1_001, 1_000, 999]);
    assert_eq!(found(&story, 1, None, "red app", three), [1_000, 998, 996]);
    assert_eq!(found(&story, 1, None, "red app", page(996, 2)), [994, 992]);
}

#[test]
fn the_words_beside_files_are_searched_and_the_names_of_files_are_not() {
    let file = Attachment {
        file: FileId::new(Uuid::from_u128(1)),
        name: FileName::parse("holiday.png").unwrap(),
        media_type: MediaType::parse("image/png").unwrap(),
        bytes: 1,
    };
    let attachments = Attachments::try_from(vec![file]).unwrap();
    let content = MessageContent::Attachments { attachments, text: Some(MessageBody::parse("by the sea").unwrap()) };
    let story = Story::of([group(100, 1, [], History::All), said_with(1, 100, 1, content, None, &[], None)]);
    assert_eq!((found(&story, 1, None, "sea", TOP), found(&story, 1, None, "holiday", TOP)), (vec![2], vec![]));
}

#[test]
fn nothing_outside_a_members_windows_is_found() {
    let events = [said(1, 100, 1, "apple"), added(100, 1, [2]), said(2, 100, 1, "apple"), left(100, 2), said(3, 100, 1, "apple")];
    let mut story = Story::of([group(100, 1, [], History::Joined)].into_iter().chain(events));
    assert_eq!(found(&story, 2, Some(100), "apple", TOP), [0; 0]);
    story.then(&came(100, 2, None));
    story.then(&said(4, 100, 1, "apple pie"));
    for search in ["app", "apple", "apple p"] {
        let expected = if search == "apple p" { vec![8] } else { vec![8, 4] };
        assert_eq!((found(&story, 2, Some(100), search, TOP), found(&story, 2, None, search, TOP)), (expected.clone(), expected));
    }
    assert_eq!(found(&story, 2, None, "apple", page(8, 1)), [4]);
}
