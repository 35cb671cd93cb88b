//! As much of WebSocket and of `posthaste.v1` as a client needs that shares two cores with the server it measures: frames are rendered once and
//! patched, and of what comes only the fields are looked at that matter, where they stand.

use std::str;

use anyhow::{Context as _, bail, ensure};
use uuid::Uuid;

/// What a frame from the server says, as far as the generator cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// The device may begin; it stands at this position.
    Welcome { cursor: u64 },
    /// The backlog is done.
    Live,
    /// An event; of a posted message with its key.
    Event { position: u64, prev: u64, key: Option<&'a str> },
    /// A command is durable.
    Ok { re: u64, position: u64 },
    /// Something was refused, or the server is about to close.
    Err(&'a str),
    /// What is told in passing, and signs of life.
    Passing,
}

/// One WebSocket frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// Text.
    Text(&'a str),
    /// To be answered with the same bytes.
    Ping(&'a [u8]),
    /// The server closes, and says why.
    Close(&'a [u8]),
    /// Anything else.
    Other,
}

/// The request that asks for a socket.
pub(crate) fn upgrade(authority: &str) -> String {
    format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: posthaste.v1\r\n\r\n"
    )
}

/// The length of the answer to [`upgrade`], if all of it is there.
pub(crate) fn upgraded(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = &bytes[..end];
    ensure!(head.starts_with(b"HTTP/1.1 101 "), "the upgrade was refused: {}", String::from_utf8_lossy(head));
    Ok(Some(end + 4))
}

/// Adds a text frame. Clients must mask, and the mask of a client with nothing to hide may be zero.
pub(crate) fn text(out: &mut Vec<u8>, payload: &[u8]) {
    header(out, 0x81, payload.len());
    out.extend_from_slice(payload);
}

/// Adds the answer to a ping.
pub(crate) fn pong(out: &mut Vec<u8>, payload: &[u8]) {
    header(out, 0x8A, payload.len());
    out.extend_from_slice(payload);
}

fn header(out: &mut Vec<u8>, kind: u8, length: usize) {
    out.push(kind);
    match length {
        0..=125 => out.push(0x80 | u8::try_from(length).expect("at most 125")),
        126..=0xFFFF => {
            out.push(0x80 | 126);
            out.extend_from_slice(&u16::try_from(length).expect("at most 65,535").to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
}

/// The first frame and how many bytes it takes, if all of it is there.
pub(crate) fn frame(bytes: &[u8]) -> anyhow::Result<Option<(Frame<'_>, usize)>> {
    let [kind, length, ..] = *bytes else { return Ok(None) };
    let (length, begin) = match length {
        0..=125 => (usize::from(length), 2),
        126 => match bytes.get(2..4) {
            Some(length) => (usize::from(u16::from_be_bytes(length.try_into()?)), 4),
            None => return Ok(None),
        },
        127 => match bytes.get(2..10) {
            Some(length) => (usize::try_from(u64::from_be_bytes(length.try_into()?))?, 10),
            None => return Ok(None),
        },
        _ => bail!("a server does not mask"),
    };
    let Some(payload) = bytes.get(begin..begin + length) else { return Ok(None) };
    let frame = match kind {
        0x81 => Frame::Text(str::from_utf8(payload).context("a text frame is UTF-8")?),
        0x88 => Frame::Close(payload),
        0x89 => Frame::Ping(payload),
        0x01 | 0x00 | 0x80 => bail!("the server sends messages in parts, which this client does not read"),
        _ => Frame::Other,
    };
    Ok(Some((frame, begin + length)))
}

/// Reads what a text frame says.
pub(crate) fn said(text: &str) -> anyhow::Result<Said<'_>> {
    let kind = text.strip_prefix("{\"t\":\"").with_context(|| format!("a frame without its name: {text}"))?;
    let kind = &kind[..kind.find('"').context("a name has an end")?];
    Ok(match kind {
        "ev" => Said::Event { prev: number(text, "\"prev\":")?, position: number(text, "\"position\":")?, key: key_of(text) },
        "ok" => Said::Ok { re: number(text, "\"re\":")?, position: number(text, "\"position\":")? },
        "welcome" => Said::Welcome { cursor: number(text, "\"cursor\":")? },
        "live" => Said::Live,
        "err" => Said::Err(text),
        _ => Said::Passing,
    })
}

/// The number behind a label.
fn number(text: &str, label: &str) -> anyhow::Result<u64> {
    let at = text.find(label).with_context(|| format!("no {label} in {text}"))? + label.len();
    let digits = text.as_bytes()[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Ok(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// The key of a posted message; the fields come in this order, and the body, in which anything can stand, comes last.
fn key_of(text: &str) -> Option<&str> {
    let (_, after_type) = text.split_once("\"type\":\"")?;
    let (_, key) = after_type.strip_prefix("message.posted\"")?.split_once("\"key\":\"")?;
    key.get(..KEY)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// A `message.post`, rendered but for what differs from one to the next.
#[derive(Debug)]
pub(crate) struct Post {
    frame: Vec<u8>,
    /// Where its number stands, if it has one.
    id: Option<usize>,
    key: usize,
}

/// As many digits as the largest number has.
const DIGITS: usize = 20;
const KEY: usize = 36;

impl Post {
    /// Posts of this text into this thread.
    pub(crate) fn new(thread: Uuid, text_: &str) -> Self {
        let content = serde_json::json!({ "kind": "text", "text": text_ });
        let (id, key) = (" ".repeat(DIGITS), " ".repeat(KEY));
        let payload = format!(
            "{{\"t\":\"cmd\",\"id\":{id},\"key\":\"{key}\",\"op\":\"message.post\",\"body\":{{\"thread\":\"{thread}\",\"content\":{content}}}}}"
        );
        let mut frame = Vec::new();
        text(&mut frame, payload.as_bytes());
        let header = frame.len() - payload.len();
        let at = |label: &str| header + payload.find(label).expect("it was just written") + label.len();
        Self { id: Some(at("\"id\":")), key: at("\"key\":\""), frame }
    }

    /// The same over REST.
    pub(crate) fn rest(thread: Uuid, token: &str, text: &str) -> Self {
        let body = serde_json::json!({ "content": { "kind": "text", "text": text } }).to_string();
        let (key, length) = (" ".repeat(KEY), body.len());
        let request = format!(
            "POST /v1/threads/{thread}/messages HTTP/1.1\r\nHost: posthaste\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\nIdempotency-Key: {key}\r\n\r\n{body}"
        );
        let label = "Idempotency-Key: ";
        Self { id: None, key: request.find(label).expect("it was just written") + label.len(), frame: request.into_bytes() }
    }

    /// Adds the frame of one.
    pub(crate) fn render(&mut self, out: &mut Vec<u8>, id: u64, key: Uuid) {
        if let Some(at) = self.id {
            write_number(&mut self.frame[at..at + DIGITS], id);
        }
        key.hyphenated().encode_lower(&mut self.frame[self.key..self.key + KEY]);
        out.extend_from_slice(&self.frame);
    }
}

/// Right in its field, with spaces before it.
fn write_number(field: &mut [u8], number: u64) {
    field.fill(b' ');
    let mut rest = number;
    for place in field.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).expect("a digit");
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
}

/// The position in the answer to a post over REST, and the length of the answer, if all of it is there.
pub(crate) fn posted(bytes: &[u8]) -> anyhow::Result<Option<(u64, usize)>> {
    let Some(end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = str::from_utf8(&bytes[..end])?.to_ascii_lowercase();
    let length: usize =
        head.split("content-length: ").nth(1).context("an answer without a length")?.lines().next().unwrap_or_default().parse()?;
    let whole = end + 4 + length;
    let Some(body) = bytes.get(end + 4..whole) else { return Ok(None) };
    let body = str::from_utf8(body)?;
    ensure!(head.starts_with("http/1.1 201 "), "a post was refused: {head}\n{body}");
    Ok(Some((number(body, "\"position\":")?, whole)))
}

/// The key of a message: a UUIDv7 of this moment that says which crowd, which poster, and the how manieth of theirs.
pub(crate) fn key(millis: u64, crowd: u16, poster: u32, seq: u32) -> Uuid {
    let high = (millis & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | u64::from(crowd & 0x0FFF);
    let low = 1 << 63 | u64::from(poster & 0x3FFF_FFFF) << 32 | u64::from(seq);
    Uuid::from_u64_pair(high, low)
}

/// The poster and the number of a message of this crowd.
pub(crate) fn read_key(key: Uuid, crowd: u16) -> Option<(u32, u32)> {
    let (high, low) = key.as_u64_pair();
    let ours = high & 0xFFFF == 0x7000 | u64::from(crowd & 0x0FFF) && low >> 62 == 0b10;
    let half = |word: u64| u32::try_from(word & 0xFFFF_FFFF).expect("32 bits");
    ours.then(|| (half(low >> 32) & 0x3FFF_FFFF, half(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_is_the_frame_that_the_server_reads() {
        let thread = Uuid::from_u64_pair(1, 2);
        let mut post = Post::new(thread, "\"quoted\" 🚀");
        let mut out = Vec::new();
        for (id, seq) in [(u64::MAX, 7), (0, 8)] {
            out.clear();
            let key = key(1_750_000_000_000, 9, 70_000, seq);
            post.render(&mut out, id, key);
            // Masked with zero, so that only the bit must be taken away to read it as a server's.
            out[1] &= 0x7F;
            out.drain(4..8);
            let Some((Frame::Text(text), length)) = frame(&out).unwrap() else { panic!("{out:?}") };
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!((&value["id"], length), (&id.into(), out.len()));
            assert_eq!(value["key"], key.to_string());
            assert_eq!(value["body"]["content"]["text"], "\"quoted\" 🚀");
            assert_eq!(read_key(key, 9), Some((70_000, seq)));
            assert_eq!(read_key(key, 8), None);
        }
    }

    #[test]
    fn what_the_server_says_is_read_where_it_stands() {
        let id = key(1, 2, 3, 4).to_string();
        let event =
            |kind| format!(r#"{{"t":"ev","prev":41,"position":42,"id":"a","type":"{kind}","v":1,"key":"{id}","body":{{"key":"no"}}}}"#);
        assert_eq!(said(&event("message.posted")).unwrap(), Said::Event { prev: 41, position: 42, key: Some(&id) });
        assert_eq!(said(&event("message.edited")).unwrap(), Said::Event { prev: 41, position: 42, key: None });
        let ok = r#"{"t":"ok","re":18446744073709551615,"dup":false,"result":{"id":"b","position":7}}"#;
        assert_eq!(said(ok).unwrap(), Said::Ok { re: u64::MAX, position: 7 });
        assert_eq!(said(r#"{"t":"receipt","thread":"c"}"#).unwrap(), Said::Passing);
        assert!(matches!(said(r#"{"t":"err","code":"forbidden"}"#).unwrap(), Said::Err(_)));
        assert!(said("[]").is_err());
    }

    #[test]
    fn a_frame_is_read_once_all_of_it_is_there() {
        let mut bytes = vec![0x81, 126, 0, 200];
        bytes.extend([b'a'; 200]);
        for short in [0, 1, 3, 4, 203] {
            assert_eq!(frame(&bytes[..short]).unwrap(), None, "{short} bytes");
        }
        bytes.push(0x89);
        assert!(matches!(frame(&bytes).unwrap(), Some((Frame::Text(text), 204)) if text.len() == 200));
        assert!(frame(&[0x81, 0x80]).is_err(), "a server that masks");
        assert_eq!(upgraded(b"HTTP/1.1 101 Switching Protocols\r\na: b\r\n\r\nmore").unwrap(), Some(42));
        assert!(upgraded(b"HTTP/1.1 503 No\r\n\r\n").is_err());
    }

    #[test]
    fn a_post_over_rest_is_answered_with_its_position() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 26\r\nx: y\r\n\r\n{\"id\":\"a\",\"position\":412}";
        let answer = [&answer[..], b"HTTP"].concat();
        assert_eq!(posted(&answer[..70]).unwrap(), None);
        assert!(posted(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}").is_err());
        let mut post = Post::rest(Uuid::from_u64_pair(1, 2), "the token", "hi");
        let mut out = Vec::new();
        post.render(&mut out, 7, key(1, 1, 1, 1));
        let request = String::from_utf8(out).unwrap();
        assert!(request.contains(&format!("Idempotency-Key: {}\r\n\r\n{{", key(1, 1, 1, 1))), "{request}");
    }
}
