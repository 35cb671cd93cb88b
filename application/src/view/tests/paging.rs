//! A thousand messages of one millisecond, read in pages of seven while others are posted.

use posthaste_domain::thread::History;

use super::*;
use crate::fake::events::*;

const PAGE: usize = 7;

fn crowded() -> Story {
    let mut story = Story::of([group(100, 1, [2], History::Joined)]);
    (0..1_000).for_each(|n| story.then_at(&said(n, 100, 1, "m"), at(5)));
    story
}

fn next(story: &Story, direction: Direction) -> Vec<u64> {
    positions(&story.ask().timeline(user(2), thread(100), TimelinePage { direction, limit: PAGE }), |entry| entry.position)
}

#[test]
fn read_backwards_each_is_shown_once() {
    let mut story = crowded();
    let (mut shown, mut before) = (Vec::new(), None);
    while shown.len() < 2_000 {
        let page = next(&story, Direction::Before(before));
        let Some(last) = page.last() else { break };
        before = Some(Position(*last));
        shown.extend(page);
        story.then_at(&said(u128::from(story.last), 100, 1, "meanwhile"), at(5));
    }
    assert_eq!(shown, (1..=1_001).rev().collect::<Vec<_>>());
}

#[test]
fn read_forwards_each_is_shown_once_and_those_posted_meanwhile_too() {
    let mut story = crowded();
    let (mut shown, mut since) = (Vec::new(), Position::START);
    while shown.len() < 2_000 {
        let mut page = next(&story, Direction::Since(since));
        let Some(newest) = page.first() else { break };
        since = Position(*newest);
        page.reverse();
        shown.extend(page);
        if shown.len() < 1_000 {
            story.then_at(&said(u128::from(story.last), 100, 1, "meanwhile"), at(5));
        }
    }
    assert_eq!(shown, (1..=story.last).collect::<Vec<_>>());
    assert!(story.last > 1_100);
}

#[test]
fn from_a_message_in_the_middle_both_ways_meet_it_and_each_other() {
    let story = crowded();
    for anchor in [1, 2, 7, 8, 500, 1_000, 1_001] {
        let older = next(&story, Direction::Before(Some(Position(anchor))));
        let newer = next(&story, Direction::Since(Position(anchor)));
        let both: Vec<_> = newer.into_iter().chain([anchor]).chain(older).collect();
        assert_eq!(both, (anchor.saturating_sub(7).max(1)..=(anchor + 7).min(1_001)).rev().collect::<Vec<_>>());
    }
}
