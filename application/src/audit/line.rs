//! The lines of an export that keep every byte: what is written can be recorded again and has the same hashes.
//!
//! A file begins with a [`Header`], one JSON object on a line, which says what the file is to hold; so a file that was cut can be told from
//! one that is whole, and goes on by itself. Every other line is an event. Facts are a JSON string that holds the stored bytes as they are
//! (JSON within JSON: a reader that parsed them and wrote them again would change them); content is base64, hashes are hexadecimal, times
//! are RFC 3339 with microseconds. What is not there is left out.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use posthaste_domain::{Category, CommandId, ThreadId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::filter::Filter;
use super::time;
use crate::hex;
use crate::recorded::{Decoded, Hash, Head, Position, Recorded, StreamId};

/// What a file of lines calls itself.
const FORMAT: &str = "posthaste.log";
/// The version of the lines' shape.
const SCHEMA: u16 = 1;

/// What an export is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Events above this position.
    pub after: Position,
    /// Events up to here, which was the end of the log or before it; and the hash of the event there.
    pub head: Head,
    /// Which of them.
    pub filter: Filter,
    /// With personal content. Without, hashes cannot be checked, and nothing can be recorded again.
    pub content: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderLine<'a> {
    export: Cow<'a, str>,
    schema: u16,
    after: Position,
    head: Position,
    hash: Cow<'a, str>,
    filter: Cow<'a, Filter>,
    content: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    position: Position,
    at: Cow<'a, str>,
    #[serde(rename = "type")]
    event_type: Cow<'a, str>,
    schema: u16,
    category: Category,
    stream: Uuid,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    thread: Option<ThreadId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    actor: Option<UserId>,
    command: CommandId,
    ordinal: u16,
    fingerprint: Cow<'a, str>,
    correlation: Uuid,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    causation: Option<Uuid>,
    facts: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    content: Option<Cow<'a, str>>,
    hash: Cow<'a, str>,
}

/// Why a line is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum BadLine {
    /// Not the JSON it should be.
    #[error("not a line of an export")]
    Json(#[from] serde_json::Error),
    /// The first line says that it is something else.
    #[error("the file says that it is {export} of schema {schema}; this program reads {FORMAT} of schema {SCHEMA}")]
    Foreign {
        /// What it says.
        export: String,
        /// Of which version.
        schema: u16,
    },
    /// A value that cannot have been written.
    #[error("{field} cannot be read")]
    Field {
        /// Which.
        field: &'static str,
    },
}

impl Header {
    /// As the first line of a file, with its end.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let line = HeaderLine {
            export: FORMAT.into(),
            schema: SCHEMA,
            after: self.after,
            head: self.head.position,
            hash: hex::encode(&self.head.hash).into(),
            filter: Cow::Borrowed(&self.filter),
            content: self.content,
        };
        let mut bytes = Vec::new();
        write_line(&mut bytes, &line);
        bytes
    }

    /// Reads the first line of a file.
    ///
    /// # Errors
    /// See [`BadLine`].
    pub fn read(line: &[u8]) -> Result<Self, BadLine> {
        let line: HeaderLine<'_> = serde_json::from_slice(line)?;
        if line.export != FORMAT || line.schema != SCHEMA {
            return Err(BadLine::Foreign { export: line.export.into_owned(), schema: line.schema });
        }
        let hash = hex::array(&line.hash).ok_or(BadLine::Field { field: "hash" })?;
        let head = Head { position: line.head, hash };
        Ok(Self { after: line.after, head, filter: line.filter.into_owned(), content: line.content })
    }

    /// Whether a log can be made of it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.after == Position::START && self.filter.is_everything() && self.content
    }
}

/// Adds an event as one line, with its end.
pub fn write(bytes: &mut Vec<u8>, event: &Recorded, content: bool) {
    let content = event.content.as_deref().filter(|_| content).map(|content| BASE64_STANDARD.encode(content).into());
    let line = Line {
        position: event.position,
        at: time(event.at).into(),
        event_type: (&event.event_type).into(),
        schema: event.schema,
        category: event.stream.category,
        stream: event.stream.id,
        version: event.version,
        thread: event.thread,
        actor: event.actor,
        command: event.command,
        ordinal: event.ordinal,
        fingerprint: hex::encode(&event.fingerprint).into(),
        correlation: event.correlation,
        causation: event.causation,
        facts: (&event.facts).into(),
        content,
        hash: hex::encode(&event.hash).into(),
    };
    write_line(bytes, &line);
}

/// Reads a line as the event it was.
///
/// # Errors
/// See [`BadLine`].
pub fn read(line: &[u8]) -> Result<Recorded, BadLine> {
    let line: Line<'_> = serde_json::from_slice(line)?;
    let bad = |field| BadLine::Field { field };
    let hash = |field, text: &str| -> Result<Hash, BadLine> { hex::array(text).ok_or(bad(field)) };
    let at: DateTime<Utc> = line.at.parse().map_err(|_| bad("at"))?;
    if !at.timestamp_subsec_nanos().is_multiple_of(1_000) {
        return Err(bad("at"));
    }
    let content = line.content.as_deref().map(|content| BASE64_STANDARD.decode(content)).transpose().map_err(|_| bad("content"))?;
    Ok(Recorded {
        position: line.position,
        stream: StreamId { category: line.category, id: line.stream },
        version: line.version,
        schema: line.schema,
        thread: line.thread,
        actor: line.actor,
        command: line.command,
        ordinal: line.ordinal,
        fingerprint: hash("fingerprint", &line.fingerprint)?,
        correlation: line.correlation,
        causation: line.causation,
        content,
        at,
        hash: hash("hash", &line.hash)?,
        decoded: Decoded::default(),
        event_type: line.event_type.into_owned(),
        facts: line.facts.into_owned(),
    })
}

/// JSON never has a bare end of line in it.
fn write_line(bytes: &mut Vec<u8>, line: &impl Serialize) {
    serde_json::to_writer(&mut *bytes, line).expect("memory takes what is written to it");
    bytes.push(b'\n');
}
