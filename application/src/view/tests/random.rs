//! Whatever happens: what the folds say about unread messages and about who sees what is what a recount of the whole history says.

use posthaste_domain::MembershipChange;
use posthaste_domain::message::MessageEvent;
use posthaste_domain::subscription::SubscriptionEvent;
use posthaste_domain::thread::{History, ThreadEvent, Visibility};
use proptest::prelude::*;

use super::*;
use crate::fake::events::*;

const USERS: std::ops::RangeInclusive<u128> = 1..=3;

/// The events of a thread from position 2 on; message ids are drawn from a few, so that they meet.
fn happening() -> impl Strategy<Value = Event> {
    let who = || USERS;
    let id = 0..1_000_u128;
    prop_oneof![
        10 => (who(), id, any::<bool>()).prop_map(|(by, id, here)| said(id, if here { 100 } else { 101 }, by, "some words")),
        2 => who().prop_map(|who| added(100, 1, [who])),
        2 => who().prop_map(|who| came(100, who, None)),
        2 => who().prop_map(|who| left(100, who)),
        1 => who().prop_map(|who| removed(100, 1, who)),
        1 => who().prop_map(|who| banned(100, 1, who, true)),
        1 => any::<bool>().prop_map(|all| {
            updated(100, 1, 2, Visibility::Private, if all { History::All } else { History::Joined }, None)
        }),
        3 => (who(), 0..60_u64).prop_map(|(who, upto)| read(100, who, upto)),
        2 => any::<prop::sample::Index>().prop_map(|one| deleted(10_000 + one.index(60) as u128, 100, 1)),
        1 => prop::collection::vec(0..60_u128, 1..5).prop_map(|some| bulk_deleted(100, 1, some.into_iter().map(|n| 10_000 + n))),
    ]
}

/// Every message gets the id that its position gives it.
fn numbered(position: u64, event: Event) -> Event {
    match event {
        Event::Message(MessageEvent::Posted { thread, author, .. }) => {
            let number = if thread == super::thread(100) { 100 } else { 101 };
            let by = USERS.into_iter().find(|by| user(*by) == author).unwrap();
            said(10_000 + u128::from(position), number, by, "some words")
        }
        other @ (Event::Thread(_)
        | Event::Message(_)
        | Event::User(_)
        | Event::Claim(_)
        | Event::Friendship(_)
        | Event::Subscription(_)
        | Event::Operation(_)) => other,
    }
}

/// What a recount of the whole history says about a user and thread 100.
#[derive(Debug, Default, PartialEq, Eq)]
struct Recount {
    unread: Option<u32>,
    seen: Vec<u64>,
}

fn recount(history: &[Event], who: u128) -> Recount {
    let me = user(who);
    let mut stays: Vec<(u64, Option<u64>)> = Vec::new();
    let (mut read, mut all) = (0, false);
    let (mut entries, mut news, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for (position, event) in (1..).zip(history) {
        match event {
            Event::Thread(ThreadEvent::MessagesDeleted { messages, .. }) => {
                gone.extend(messages.iter().map(|message| message.uuid().as_u128()));
            }
            Event::Thread(event) => {
                entries.push(position);
                if let ThreadEvent::Created { history, .. } | ThreadEvent::Updated { history, .. } = event {
                    all = *history == History::All;
                }
            }
            Event::Message(MessageEvent::Posted { thread, author, .. }) if *thread == super::thread(100) => {
                entries.push(position);
                if *author != me {
                    news.push(position);
                }
            }
            Event::Message(MessageEvent::Deleted { message, .. }) => gone.push(message.uuid().as_u128()),
            Event::Subscription(SubscriptionEvent::Read { user, upto, .. }) if *user == me => read = read.max(*upto),
            Event::Message(_) | Event::Subscription(_) | Event::User(_) | Event::Claim(_) | Event::Friendship(_) | Event::Operation(_) => {}
        }
        let named = event.audience().users.into_iter().find(|addressee| addressee.user == me);
        let inside = stays.last().is_some_and(|(_, until)| until.is_none());
        match named.and_then(|addressee| addressee.change) {
            Some(MembershipChange::Joined) if !inside => stays.push((position, None)),
            Some(MembershipChange::Left) if inside => stays.last_mut().unwrap().1 = Some(position),
            Some(MembershipChange::Joined | MembershipChange::Left) | None => {}
        }
        // A message is gone if it was there when it was deleted.
        gone.retain(|id| *id <= 10_000 + u128::from(position));
    }
    let Some((joined, None)) = stays.last().copied() else { return Recount::default() };
    let stands = |position: &&u64| !gone.contains(&(10_000 + u128::from(**position)));
    let unread = news.iter().filter(|position| **position > read && **position > joined).filter(stands).count();
    let stayed = |position: &u64| stays.iter().any(|(from, until)| position >= from && until.is_none_or(|until| *position <= until));
    let seen = entries.into_iter().filter(|position| all || stayed(position)).collect();
    Recount { unread: Some(u32::try_from(unread).unwrap()), seen }
}

proptest! {
    #[test]
    fn unread_and_seen_are_what_a_recount_says(happenings in prop::collection::vec(happening(), 0..60), all in any::<bool>()) {
        let mut history = vec![group(100, 1, [2], if all { History::All } else { History::Joined })];
        let mut story = Story::of(history.iter().cloned());
        for event in happenings {
            let event = numbered(story.last + 1, event);
            story.then(&event);
            history.push(event);
            for who in USERS {
                let recounted = recount(&history, who);
                let unread = story.ask().thread(user(who), thread(100)).map(|listed| listed.unread);
                prop_assert_eq!(Recount { unread, seen: story.seen(who) }, recounted);
            }
        }
    }
    #[test]
    fn what_a_search_finds_is_what_is_seen_and_matches(
        texts in prop::collection::vec((0..12_u128, "(ab|abc|b|bc)( (ab|abc|b|bc)){0,2}", any::<bool>()), 0..40),
        search in "(ab|abc|b|bc|a)( (ab|abc|b|bc|a)){0,2}",
        before in 1..50_u64,
        limit in 0..5_usize,
    ) {
        let mut story = Story::of([group(100, 1, [], History::Joined)]);
        for (n, (id, words, gone)) in texts.into_iter().enumerate() {
            if n == 6 {
                story.then(&added(100, 1, [2]));
            }
            let said_before = story.timeline.find(message(id)).is_some();
            story.then(&match (said_before, gone) {
                (false, _) => said(id, 100, 1, &words),
                (true, false) => edited(id, 100, 1, 2, Some(&words)),
                (true, true) => deleted(id, 100, 1),
            });
        }
        let search = Search::parse(&search).unwrap();
        for who in [1, 2, 3] {
            let seen = story.ask().timeline(user(who), thread(100), TimelinePage { direction: Direction::Before(Some(Position(before))), limit: 100 });
            let matching = seen.into_iter().filter(|entry| match &entry.entry {
                Entry::Message(message) => {
                    message.content.as_ref().and_then(|content| content.text()).is_some_and(|text| search.matches(text.as_str()))
                }
                Entry::Notice(_) => false,
            });
            let expected: Vec<_> = matching.take(limit).collect();
            prop_assert_eq!(story.ask().search(user(who), None, &search, page(before, limit)), expected);
        }
    }
}
