//! How things stood.

use std::collections::BTreeMap;

use posthaste_application::audit::as_of::{AsOf, Moment};
use posthaste_application::audit::diff::diff;
use posthaste_application::audit::replay;
use posthaste_application::port::cursors::{Connect, CursorMove, Device};
use posthaste_application::port::{Clock as _, Cursors as _, EventLog as _};
use posthaste_application::recorded::{Position, Recorded};
use posthaste_domain::message::Message;
use posthaste_domain::{DeviceId, Event, MessageId, SessionId, Thread, ThreadId};
use posthaste_tests::histories::{History, USERS, user};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Embedded, histories};

/// Everything there is to ask about, at a moment.
async fn seen(here: &Embedded, history: &History, moment: Moment) -> Value {
    let (log, mut seen) = (&here.log, BTreeMap::new());
    for thread in &history.threads {
        seen.insert(thread.to_string(), json!(replay::thread(log, *thread, moment).await.unwrap()));
    }
    for who in (0..USERS).map(user) {
        seen.insert(who.to_string(), json!(replay::user(log, who, moment).await.unwrap()));
    }
    for (message, _) in &history.messages {
        seen.insert(message.to_string(), json!(replay::message(log, &here.cursors, *message, moment).await.unwrap()));
    }
    json!(seen)
}

fn device(n: u64) -> Device {
    Device { user: user(n), device: DeviceId::new(Uuid::from_u64_pair(9, n)) }
}

/// Somebody's device takes in a part of what there is.
async fn acknowledge(here: &Embedded, turn: u64, head: Position) {
    let to = Position(head.0 * (turn % 4 + 1) / 4);
    let moved = CursorMove { device: device(turn % USERS), to, at: here.clock.now() };
    here.cursors.advance(&[moved]).await.unwrap();
}

#[tokio::test]
async fn how_things_stood_is_told_later_as_it_was_seen_then() {
    let mut stages = BTreeMap::<String, u64>::new();
    for history in histories(2, 400) {
        let here = Embedded::new();
        for n in 0..USERS {
            let connect = Connect { device: device(n), session: SessionId::new(Uuid::nil()), cursor: None, at: here.clock.now() };
            here.cursors.connect(connect).await.unwrap();
        }
        let mut looks = Vec::new();
        for (turn, batch) in (0_u64..).zip(history.appends.chunks(history.appends.len() / 6)) {
            for append in batch {
                here.log.append(std::slice::from_ref(append)).await.unwrap()[0].clone().unwrap();
            }
            let head = here.log.head().await.unwrap().position;
            acknowledge(&here, turn, head).await;
            acknowledge(&here, turn + 2, head).await;
            let moment = AsOf::Time(here.clock.now()).resolve(&here.log).await.unwrap();
            assert_eq!(moment.position, head, "all of it was recorded before");
            looks.push((moment, seen(&here, &history, moment).await));
        }
        for pair in looks.windows(2) {
            assert_ne!(pair[0].1, pair[1].1, "nothing happened between {:?} and {:?}", pair[0].0, pair[1].0);
        }
        for (moment, then) in looks {
            for delivery in then.as_object().unwrap().values().filter_map(|one| one["deliveries"].as_array()).flatten() {
                *stages.entry(delivery["status"].as_str().unwrap().to_owned()).or_default() += 1;
            }
            assert_eq!(seen(&here, &history, moment).await, then, "as of {moment:?}");
            let by_time = AsOf::Time(moment.at).resolve(&here.log).await.unwrap();
            assert_eq!(by_time, moment);
        }
    }
    for stage in ["pending", "delivered"] {
        assert!(stages.get(stage).is_some_and(|count| *count > 0), "nothing was {stage}: {stages:?}");
    }
}

/// The state of an aggregate, folded from its events up to a position.
fn folded<A: posthaste_domain::Aggregate>(events: &[Recorded], id: Uuid, upto: Position) -> A {
    let mut state = A::default();
    for event in events.iter().filter(|event| event.stream.id == id && event.stream.category == A::CATEGORY && event.position <= upto) {
        if let Ok(event) = A::Event::try_from(event.event().unwrap().clone()) {
            state.apply(&event).unwrap();
        }
    }
    state
}

#[tokio::test]
async fn how_things_stood_is_what_the_aggregates_say() {
    let (mut members, mut texts, mut reactions) = (0, 0, 0);
    for history in histories(2, 300) {
        let here = Embedded::new();
        here.log.append(&history.appends).await.unwrap();
        let head = history.head();
        for part in 1..=5 {
            let position = Position(head.0 * part / 5);
            let moment = AsOf::Position(position).resolve(&here.log).await.unwrap();
            for thread in &history.threads {
                let state: Thread = folded(&history.recorded, thread.uuid(), position);
                let told = replay::thread(&here.log, *thread, moment).await.unwrap();
                assert_eq!(told.is_none(), state == Thread::Unopened, "{thread} as of {position}");
                let Some(told) = told else { continue };
                assert_eq!(told.deleted.is_some(), state == Thread::Deleted, "{thread} as of {position}");
                for who in (0..USERS).map(user) {
                    let role = told.members.iter().find(|member| member.user == who).map(|member| member.role);
                    assert_eq!(role, state.role(who), "{who} in {thread} as of {position}");
                    members += usize::from(role.is_some());
                }
            }
            for (message, thread) in &history.messages {
                let state: Message = folded(&history.recorded, message.uuid(), position);
                let told = replay::message(&here.log, &here.cursors, *message, moment).await.unwrap();
                let gone = deleted_with_others(&history, *thread, *message, position);
                assert_eq!(told.is_none(), state == Message::Unposted, "{message} as of {position}");
                let Some(told) = told else { continue };
                assert_eq!(told.deleted.is_some(), gone || matches!(state, Message::Deleted { .. }), "{message} as of {position}");
                match state.posted() {
                    Ok(posted) if !gone => {
                        assert_eq!((told.content.as_ref(), told.revision), (posted.content.known(), posted.revision), "{message}");
                        assert_eq!(told.reactions.len(), posted.reactions.len());
                        texts += usize::from(told.content.is_some());
                        reactions += told.reactions.len();
                    }
                    Ok(_) | Err(_) => assert_eq!((told.content, told.reactions.len()), (None, 0), "{message} as of {position}"),
                }
            }
        }
    }
    assert!(members > 20 && texts > 20 && reactions > 0, "{members} members, {texts} texts, {reactions} reactions were compared");
}

fn deleted_with_others(history: &History, thread: ThreadId, message: MessageId, upto: Position) -> bool {
    let of_thread = history.recorded.iter().filter(|event| event.stream.id == thread.uuid() && event.position <= upto);
    of_thread.into_iter().any(|event| match event.event().unwrap() {
        Event::Thread(posthaste_domain::thread::ThreadEvent::MessagesDeleted { messages, .. }) => messages.contains(&message),
        Event::Thread(_)
        | Event::Message(_)
        | Event::User(_)
        | Event::Claim(_)
        | Event::Friendship(_)
        | Event::Subscription(_)
        | Event::Operation(_) => false,
    })
}

#[tokio::test]
async fn a_difference_leads_from_how_a_thread_stood_to_how_it_stands() {
    let (mut joined, mut left, mut posted) = (0, 0, 0);
    for history in histories(5, 300) {
        let here = Embedded::new();
        here.log.append(&history.appends).await.unwrap();
        let moment = async |position| AsOf::Position(Position(position)).resolve(&here.log).await.unwrap();
        let head = history.head().0;
        for (from, to) in [(0, head), (head / 4, head / 2), (head / 2, head), (head, head)] {
            let (from, to) = (moment(from).await, moment(to).await);
            for thread in &history.threads {
                let Some(diff) = diff(&here.log, *thread, from, to).await.unwrap() else { continue };
                let before = replay::thread(&here.log, *thread, from).await.unwrap();
                let after = replay::thread(&here.log, *thread, to).await.unwrap().unwrap();
                assert_eq!(diff.created.is_some(), before.is_none(), "{thread}");
                let mut members: Vec<_> = before.map_or(Vec::new(), |before| before.members);
                members.retain(|member| !diff.left.iter().any(|left| (left.user, left.joined) == (member.user, member.joined)));
                for change in &diff.roles {
                    let member = members.iter_mut().find(|member| member.user == change.user).unwrap();
                    assert_eq!(member.role, change.before);
                    member.role = change.after;
                }
                members.extend(&diff.joined);
                members.sort_by_key(|member| (member.joined, member.user));
                assert_eq!(members, after.members, "{thread} from {from:?} to {to:?}");
                let between = history.recorded.iter().filter(|event| event.position > from.position && event.position <= to.position);
                let of_type = between.filter(|event| event.thread == Some(*thread) && event.event_type == "message.posted");
                assert_eq!(diff.posted.len(), of_type.count(), "{thread}");
                (joined, left, posted) = (joined + diff.joined.len(), left + diff.left.len(), posted + diff.posted.len());
            }
        }
    }
    assert!(joined > 5 && left > 0 && posted > 10, "{joined} joined, {left} left, {posted} were posted");
}
