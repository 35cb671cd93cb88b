//! What is sent, and how long is waited; what happens in between is tested on real stores and servers.

use std::time::Duration;

use super::*;
use crate::fake;

#[test]
fn an_endpoint_gets_the_stored_bytes_and_what_is_known_of_them() {
    let thread = fake::direct(1, 2);
    let mut event = fake::recorded(7, &fake::posted(9, thread, 1, Some("hello \"you\"")));
    event.actor = Some(fake::user(1));
    let sent = envelope(&event).unwrap();
    let read: serde_json::Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(read["id"], event.id().to_string());
    assert_eq!((&read["type"], &read["position"]), (&"message.posted".into(), &7.into()));
    assert_eq!((&read["thread"], &read["actor"]), (&thread.to_string().into(), &fake::user(1).to_string().into()));
    assert_eq!(read["at"], "2023-11-14T22:13:20.000007Z");
    assert_eq!(read["body"]["content"]["text"], "hello \"you\"");
    assert!(sent.contains(&codec::body(&event)), "not byte by byte: {sent}");
}

#[test]
fn what_has_neither_thread_nor_actor_says_so() {
    let sent: serde_json::Value = serde_json::from_str(&envelope(&fake::recorded(1, &fake::registered(1, "ann"))).unwrap()).unwrap();
    assert!(sent["thread"].is_null() && sent["actor"].is_null(), "{sent}");
}

#[test]
fn an_event_whose_bytes_are_not_json_is_an_error_and_not_sent() {
    let mut event = fake::recorded(1, &fake::registered(1, "ann"));
    event.facts = "{\"user\": ".to_owned();
    assert!(envelope(&event).is_err());
}

#[test]
fn the_consumer_wants_what_its_endpoints_want_together_and_is_none_without_them() {
    let endpoint = |name: &str, types: &[&str]| Endpoint { name: name.to_owned(), types: types.iter().map(ToString::to_string).collect() };
    assert_eq!(consumer(&[]), None);
    let both = consumer(&[endpoint("one", &["a.b", "c.d"]), endpoint("two", &["c.d", "e.f"])]).unwrap();
    assert_eq!((both.name.as_str(), both.types.len()), ("webhooks", 3));
}

#[test]
fn pauses_double_up_to_the_longest_and_chance_takes_its_part_of_them() {
    let patience = Patience::default();
    let seconds = |failures, fraction| patience.pause(failures, fraction).as_secs();
    assert_eq!([1, 2, 3, 12, 13, 40, 4_000].map(|failures| seconds(failures, 1.0)), [1, 2, 4, 2_048, 3_600, 3_600, 3_600]);
    assert_eq!((seconds(12, 0.5), seconds(12, 0.0)), (1_024, 0));
}

#[test]
fn an_event_is_tried_for_about_a_day() {
    let patience = Patience::default();
    let average: Duration = (1..patience.tries).map(|failures| patience.pause(failures, 0.5)).sum();
    assert!((Duration::from_hours(22)..Duration::from_hours(26)).contains(&average), "{average:?}");
}
