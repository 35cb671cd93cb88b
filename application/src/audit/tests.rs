use std::io::BufReader;

use chrono::{DateTime, Utc};
use flate2::bufread::MultiGzDecoder;
use futures::executor::block_on;
use posthaste_domain::thread::History;
use posthaste_domain::{Category, CommandId};
use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::as_of::{AsOf, AsOfError};
use super::export::{Export, ExportError, Format, header, is_of};
use super::filter::Filter;
use super::import::{Import, ImportError};
use super::line::{self, Header};
use super::tail::{Tail, TailError};
use super::*;
use crate::chain::{self, Broken, GENESIS};
use crate::fake::events::{edited, group, left, read, role_changed, said, thread};
use crate::fake::{FakeLog, at, recorded, registered, user};
use crate::recorded::{Head, Position, Recorded};

fn log() -> FakeLog {
    let log = FakeLog::default();
    log.record([registered(1, "alice"), registered(2, "bob"), group(5, 1, [2], History::All)]);
    log.record((10..20).map(|n| said(n, 5, 1 + n % 2, "a few words, \"quoted\"\nand more of them")));
    log.record([edited(10, 5, 1, 2, Some("others")), read(5, 2, 9), left(5, 2)]);
    log
}

/// A log whose hashes are right, and with content that cannot be read any more.
fn chained() -> Vec<Recorded> {
    let mut before = GENESIS;
    let link = |mut event: Recorded| {
        if event.position == Position(5) {
            event.content = Some(vec![0xff, 0, b'\n']);
        }
        event.hash = chain::hash(&before, &event);
        before = event.hash;
        event
    };
    log().all().into_iter().map(link).collect()
}

fn whole(events: &[Recorded]) -> Vec<u8> {
    let head =
        events.last().map_or(Head { position: Position::START, hash: GENESIS }, |last| Head { position: last.position, hash: last.hash });
    let mut bytes = Header { after: Position::START, head, filter: Filter::default(), content: true }.write();
    events.iter().for_each(|event| line::write(&mut bytes, event, true));
    bytes
}

fn begun(log: &FakeLog, filter: Filter, format: Format, gzip: bool) -> Export<'_> {
    let header = block_on(header(log, Position::START, None, filter, true)).unwrap();
    Export::new(log, header, format, gzip).in_batches(3)
}

fn written(mut export: Export<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(chunk) = block_on(export.next()).unwrap() {
        bytes.extend(chunk.bytes);
        block_on(export.read_ahead()).unwrap();
    }
    bytes
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    io::Read::read_to_end(&mut MultiGzDecoder::new(bytes), &mut plain).unwrap();
    plain
}

fn positions(bytes: &[u8]) -> Vec<u64> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).skip(1);
    lines.map(|line| line::read(line).unwrap().position.0).collect()
}

fn cloud_events() -> Format {
    Format::CloudEvents { source: cloud_event::SOURCE.to_owned() }
}

proptest! {
    #[test]
    fn a_line_keeps_every_byte_of_an_event(
        facts in any::<String>(),
        content in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..60)),
        ids in any::<[u128; 4]>(),
        some in any::<bool>(),
        hashes in any::<[u8; 32]>(),
        micros in -60_000_000_000_000_000..200_000_000_000_000_000_i64,
    ) {
        let mut event = recorded(7, &said(1, 2, 3, "words"));
        event.facts = facts;
        event.content = content;
        event.command = CommandId::new(Uuid::from_u128(ids[0]));
        event.correlation = Uuid::from_u128(ids[1]);
        event.causation = some.then(|| Uuid::from_u128(ids[2]));
        event.actor = some.then(|| user(ids[3]));
        event.fingerprint = hashes;
        event.hash = chain::hash(&hashes, &event);
        event.at = DateTime::from_timestamp_micros(micros).unwrap();
        let mut bytes = Vec::new();
        line::write(&mut bytes, &event, true);
        prop_assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
        let again = line::read(&bytes).unwrap();
        prop_assert_eq!(&again, &event);
        prop_assert_eq!(chain::hash(&hashes, &again), chain::hash(&hashes, &event));
    }
}

#[test]
fn an_export_holds_every_event_once_whatever_the_size_of_its_batches() {
    let log = log();
    let bytes = written(begun(&log, Filter::default(), Format::Lines, false));
    assert_eq!(positions(&bytes), (1..=16).collect::<Vec<_>>());
    for batch in [1, 2, 5, 15, 16, 17, 1_000] {
        let export = begun(&log, Filter::default(), Format::Lines, false).in_batches(batch);
        assert_eq!(written(export), bytes, "in batches of {batch}");
    }
    assert_eq!(unpacked(&written(begun(&log, Filter::default(), Format::Lines, true))), bytes);
    let empty = FakeLog::default();
    assert_eq!(positions(&written(begun(&empty, Filter::default(), Format::Lines, false))), Vec::<u64>::new());
}

#[test]
fn an_export_ends_where_the_log_ended_when_it_began() {
    let log = log();
    let export = begun(&log, Filter::default(), Format::Lines, false);
    log.record([said(99, 5, 1, "later")]);
    assert_eq!(positions(&written(export)).last(), Some(&16));
}

#[test]
fn a_file_that_was_cut_at_any_byte_goes_on_to_the_same_bytes() {
    // Every byte is cut at, so there are few.
    let log = FakeLog::default();
    log.record((1..6).map(|n| said(n, 5, 1, "\"")));
    for format in [Format::Lines, cloud_events()] {
        for gzip in [false, true] {
            let all = written(begun(&log, Filter::default(), format.clone(), gzip).in_batches(2));
            for cut in 0..=all.len() {
                let tail = Tail::of(&all[..cut]).unwrap();
                assert!(tail.bytes <= cut as u64);
                let mut export = begun(&log, Filter::default(), format.clone(), gzip).in_batches(2);
                if tail.bytes > 0 {
                    assert_eq!((tail.gzip, tail.header().unwrap().is_some()), (gzip, format == Format::Lines), "cut at {cut}");
                    export = export.resume(tail.position().unwrap().unwrap_or_default());
                }
                let mut bytes = all[..usize::try_from(tail.bytes).unwrap()].to_vec();
                bytes.extend(written(export));
                let same = if gzip { unpacked(&bytes) == unpacked(&all) } else { bytes == all };
                assert!(same, "{format:?}, gzip {gzip}, cut at {cut}");
            }
        }
    }
}

#[test]
fn what_a_machine_left_behind_the_last_whole_line_is_not_kept() {
    let log = log();
    let all = written(begun(&log, Filter::default(), Format::Lines, true));
    let half = all.len() / 2;
    for rest in [vec![0; 4_096], vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3], b"nonsense\n".to_vec()] {
        let whole = Tail::of(&all[..half]).unwrap();
        let bytes = [&all[..usize::try_from(whole.bytes).unwrap()], &rest].concat();
        assert_eq!(Tail::of(&bytes[..]).unwrap(), whole);
    }
}

#[test]
fn what_is_no_export_is_not_gone_on_with() {
    for text in ["nonsense\n", "{\"export\":\"other\",\"schema\":1}\n", "{\"a\":1}\n{\"position\":1}\n"] {
        let tail = Tail::of(text.as_bytes()).unwrap();
        let refused = tail.header();
        assert!(matches!(refused, Err(TailError::Header(_))), "{text}: {refused:?}");
    }
    let tail = Tail::of(&b"{\"position\":\"3\"}\n{\"position\":\"many\"}\n"[..]).unwrap();
    assert!(matches!(tail.position(), Err(TailError::NotAnExport(_))), "{tail:?}");
    let log = log();
    let mut other = block_on(header(&log, Position::START, None, Filter::default(), true)).unwrap();
    assert!(block_on(is_of(&log, &other)).unwrap());
    other.head.hash = [9; 32];
    assert!(!block_on(is_of(&log, &other)).unwrap());
}

#[test]
fn a_filter_wants_what_fits_one_answer_to_each_question() {
    let log = log();
    let kept = |filter: Filter| positions(&written(begun(&log, filter, Format::Lines, false)));
    let all: Vec<u64> = (1..=16).collect();
    let messages: Vec<u64> = (4..=14).collect();
    let none = Filter::default;
    assert_eq!(kept(none()), all);
    assert_eq!(kept(Filter { categories: vec![Category::Message], ..none() }), messages);
    assert_eq!(kept(Filter { categories: vec![Category::User, Category::Thread], ..none() }), [1, 2, 3, 16]);
    assert_eq!(kept(Filter { types: vec!["message.edited".to_owned()], ..none() }), [14]);
    assert_eq!(kept(Filter { threads: vec![thread(5)], ..none() }), [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16]);
    assert_eq!(kept(Filter { threads: vec![thread(6)], ..none() }), Vec::<u64>::new());
    assert_eq!(kept(Filter { actors: vec![user(1)], ..none() }), Vec::<u64>::new());
    let (since, until) = (Some(at(5)), Some(at(8)));
    assert_eq!(kept(Filter { since, until, ..none() }), [5, 6, 7]);
    assert_eq!(kept(Filter { since, categories: vec![Category::Thread], ..none() }), [16]);
    let one = Filter { streams: vec!["message-00000000-0000-0000-0000-00000000000a".parse().unwrap()], ..none() };
    assert_eq!(
        kept(Filter {
            streams: [one.streams.clone(), vec!["thread-00000000-0000-0000-0000-000000000005".parse().unwrap()]].concat(),
            ..none()
        }),
        [3, 4, 14, 16]
    );
    assert!("No sense-00000000-0000-0000-0000-000000000005".parse::<crate::recorded::StreamId>().is_err());
}

#[test]
fn a_part_of_the_log_is_between_two_positions() {
    let log = log();
    for (after, upto, expected) in
        [(3, Some(6), vec![4, 5, 6]), (14, None, vec![15, 16]), (0, Some(99), (1..=16).collect()), (16, None, vec![])]
    {
        let header = block_on(header(&log, Position(after), upto.map(Position), Filter::default(), true)).unwrap();
        assert_eq!(positions(&written(Export::new(&log, header, Format::Lines, false))), expected, "after {after}, up to {upto:?}");
    }
}

#[test]
fn a_log_with_a_hole_is_not_exported_past_it() {
    let log = log();
    log.lose(8);
    let mut export = begun(&log, Filter::default(), Format::Lines, false);
    let failed = loop {
        match block_on(export.next()) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it went on to the end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(failed, ExportError::Hole { after: Position(7), found: Position(9) }), "{failed:?}");
}

#[test]
fn cloud_events_are_what_the_specification_says() {
    let log = log();
    let bytes = written(begun(&log, Filter::default(), cloud_events(), false));
    let events: Vec<Value> =
        bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!(events.len(), 16);
    let mut ids = std::collections::HashSet::new();
    for (event, recorded) in events.iter().zip(log.all()) {
        let attributes = event.as_object().unwrap();
        for (name, value) in attributes {
            assert!(
                (1..=20).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
                "{name}"
            );
            let fits = match value {
                Value::String(text) => !text.is_empty(),
                // An Integer of CloudEvents has 32 bits.
                Value::Number(number) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
                Value::Object(_) => name == "data",
                Value::Null | Value::Bool(_) | Value::Array(_) => false,
            };
            assert!(fits, "{name}: {value}");
        }
        assert_eq!(event["specversion"], "1.0");
        assert_eq!((&event["type"], &event["source"]), (&recorded.event_type.as_str().into(), &cloud_event::SOURCE.into()));
        assert_eq!(event["id"], recorded.id().to_string());
        assert_eq!(event["datacontenttype"], "application/json");
        assert_eq!(event["time"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap(), recorded.at);
        assert_eq!(event["data"], serde_json::from_str::<Value>(&crate::codec::body(&recorded)).unwrap());
        assert!(ids.insert(event["id"].clone()), "twice: {event}");
    }
    let mut line = Vec::new();
    let mut strange = recorded(1, &said(1, 2, 3, "secret"));
    strange.facts = "{\n\"a\":\r\n1}".to_owned();
    cloud_event::write(&mut line, &strange, "urn:x", false).unwrap();
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
    assert!(!String::from_utf8(line).unwrap().contains("secret"));
}

fn imported(bytes: &[u8]) -> Result<Vec<Recorded>, ImportError> {
    let mut import = Import::begin(BufReader::new(bytes))?;
    let mut events = Vec::new();
    loop {
        let batch = import.next(3)?;
        if batch.is_empty() {
            return Ok(events);
        }
        events.extend(batch.into_iter().map(|imported| imported.event));
    }
}

#[test]
fn an_export_is_read_as_the_events_it_was_made_of() {
    let events = chained();
    assert_eq!(imported(&whole(&events)).unwrap(), events);
    assert_eq!(imported(&whole(&[])).unwrap(), []);
}

#[test]
fn a_file_that_was_cut_or_changed_anywhere_is_not_imported() {
    let events = chained();
    let bytes = whole(&events);
    for cut in 0..bytes.len() {
        assert!(imported(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for n in 1..lines.len() {
        let without = [&lines[..n], &lines[n + 1..]].concat().concat();
        let refused = imported(&without);
        assert!(
            matches!(refused, Err(ImportError::Broken { broken }) if broken.position() == Position(n as u64)),
            "without {n}: {refused:?}"
        );
    }
    let changed = |n: usize, change: &dyn Fn(&mut Recorded)| {
        let mut events = events.clone();
        change(&mut events[n]);
        imported(&whole(&events))
    };
    for n in 0..events.len() {
        let changes: [&dyn Fn(&mut Recorded); 6] = [
            &|event| event.facts.push(' '),
            &|event| event.content = Some(b"\"other\"".to_vec()),
            &|event| event.at += chrono::Duration::microseconds(1),
            &|event| event.actor = Some(user(9)),
            &|event| event.fingerprint[31] ^= 1,
            &|event| event.hash[0] ^= 1,
        ];
        for (kind, change) in changes.into_iter().enumerate() {
            let refused = changed(n, change);
            let first = Position(n as u64 + 1);
            assert!(
                matches!(refused, Err(ImportError::Broken { broken: Broken::Altered { position } }) if position == first),
                "change {kind} of {first}: {refused:?}"
            );
        }
    }
}

#[test]
fn only_an_export_of_all_of_a_log_becomes_one() {
    let log = log();
    for (after, filter, content) in [
        (1, Filter::default(), true),
        (0, Filter { categories: vec![Category::User], ..Filter::default() }, true),
        (0, Filter::default(), false),
    ] {
        let header = block_on(header(&log, Position(after), None, filter, content)).unwrap();
        let refused = imported(&written(Export::new(&log, header, Format::Lines, false)));
        assert!(matches!(refused, Err(ImportError::Partial)), "{refused:?}");
    }
    assert!(matches!(imported(b""), Err(ImportError::Empty)));
    assert!(matches!(imported(b"{\"specversion\":\"1.0\"}\n"), Err(ImportError::Line { line: 1, .. })));
}

#[test]
fn content_is_left_out_when_it_is_not_wanted() {
    let log = log();
    let header = block_on(header(&log, Position::START, None, Filter::default(), false)).unwrap();
    let bytes = written(Export::new(&log, header, Format::Lines, false));
    assert!(
        bytes.split(|byte| *byte == b'\n').skip(1).filter(|line| !line.is_empty()).all(|line| line::read(line).unwrap().content.is_none())
    );
    assert!(!String::from_utf8(bytes).unwrap().contains("\"content\":\""));
}

#[test]
fn a_time_means_the_highest_position_recorded_then_or_before() {
    // The clock goes back at the third event, and again at the sixth.
    let log = FakeLog::default();
    log.record((1..=6).map(|n| role_changed(5, 1, n, posthaste_domain::thread::Role::Admin)));
    for (n, second) in [10, 20, 15, 30, 40, 25].into_iter().enumerate() {
        log.set_time(n as u64 + 1, at(second));
    }
    for (second, expected) in [(9, 0), (10, 1), (14, 1), (15, 3), (20, 3), (24, 3), (25, 6), (30, 6), (99, 6)] {
        let moment = block_on(AsOf::Time(at(second)).resolve(&log)).unwrap();
        assert_eq!((moment.position, moment.at), (Position(expected), at(second)), "at {second}");
    }
    let moment = block_on(AsOf::Position(Position(3)).resolve(&log)).unwrap();
    assert_eq!((moment.position, moment.at), (Position(3), at(15)));
    let beyond = block_on(AsOf::Position(Position(7)).resolve(&log));
    assert!(matches!(beyond, Err(AsOfError::BeyondHead { head: Position(6) })), "{beyond:?}");
    assert_eq!("12".parse(), Ok(AsOf::Position(Position(12))));
    assert_eq!("2023-11-14T22:13:20.000012Z".parse(), Ok(AsOf::Time(at(12))));
    assert!("yesterday".parse::<AsOf>().is_err());
}
