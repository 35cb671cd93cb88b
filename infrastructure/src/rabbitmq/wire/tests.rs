//! Messages of every version stay readable, and what cannot be read says so.

use super::*;

/// What version 1 made of [`run`]. A node of another version relies on these bytes: if they must change, so must the content type.
const VERSION_1: &str = "\
    02ac02076d6573736167651000000000000000000000000000000001020e6d6573736167652e706f73746564010a7b226e223a312e35307d010300ff07011000\
    00000000000000000000000000000201100000000000000000000000000000000310000000000000000000000000000000040506060606060606060606060606\
    0606060606060606060606060606060606060610000000000000000000000000000000070110000000000000000000000000000000088089bea2dbffad060909\
    090909090909090909090909090909090909090909090909090909090909ad02076d6573736167651000000000000000000000000000000001020e6d65737361\
    67652e706f73746564010a7b226e223a312e35307d00000010000000000000000000000000000000040506060606060606060606060606060606060606060606\
    060606060606060606061000000000000000000000000000000007008089bea2dbffad0609090909090909090909090909090909090909090909090909090909\
    09090909\
";

fn run() -> Vec<Arc<Recorded>> {
    let id = |number: u128| Uuid::from_u128(number);
    let full = Recorded {
        position: Position(300),
        stream: StreamId { category: Category::Message, id: id(1) },
        version: 2,
        event_type: "message.posted".to_owned(),
        schema: 1,
        facts: "{\"n\":1.50}".to_owned(),
        content: Some(vec![0, 255, 7]),
        thread: Some(ThreadId::new(id(2))),
        actor: Some(UserId::new(id(3))),
        command: CommandId::new(id(4)),
        ordinal: 5,
        fingerprint: [6; 32],
        correlation: id(7),
        causation: Some(id(8)),
        at: DateTime::from_timestamp_micros(1_790_000_000_123_456).expect("a time"),
        hash: [9; 32],
        decoded: Decoded::default(),
    };
    let bare = Recorded { position: Position(301), content: None, thread: None, actor: None, causation: None, ..full.clone() };
    vec![Arc::new(full), Arc::new(bare)]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
    (0..hex.len()).step_by(2).map(digits).collect()
}

#[test]
fn version_1_is_written_and_read_as_it_always_was() {
    assert_eq!(hex(&encode(&run())), VERSION_1);
    assert!(decode(CONTENT_TYPE, &bytes(VERSION_1)).expect("a run").iter().eq(run().iter().map(|event| &**event)));
}

#[test]
fn a_message_is_named_after_its_first_and_last_position() {
    assert_eq!(message_id(&run()), "300-301");
}

#[test]
fn another_version_is_not_guessed_at() {
    let body = encode(&run());
    for unknown in ["application/vnd.posthaste.run.v2+postcard", "application/json", ""] {
        assert!(matches!(decode(unknown, &body), Err(Unreadable::ContentType(it)) if it == unknown));
    }
}

#[test]
fn a_damaged_message_is_an_error_wherever_it_was_cut() {
    let body = encode(&run());
    for length in 0..body.len() {
        assert!(decode(CONTENT_TYPE, &body[..length]).is_err(), "cut at {length}");
    }
}

#[test]
fn a_category_that_only_a_newer_version_knows_is_passed_on() {
    let category = |body: &[u8]| body.windows(7).position(|part| part == b"message").expect("the category");
    let mut body = encode(&run());
    let at = category(&body);
    body[at..at + 7].copy_from_slice(b"unknown");
    let read = decode(CONTENT_TYPE, &body).expect("a run");
    assert_eq!(read[0].stream.category.as_str(), "unknown");
    assert_eq!(encode(&read.into_iter().map(Arc::new).collect::<Vec<_>>()), body);
    body[at..at + 7].copy_from_slice(b"Un-name");
    assert!(matches!(decode(CONTENT_TYPE, &body), Err(Unreadable::Category(it)) if it == "Un-name"));
}
