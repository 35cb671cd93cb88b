//! Appends and events for tests that look at the log and not at what its events mean.

use chrono::DateTime;
use posthaste_application::recorded::{Append, Check, Decoded, Expected, NewEvent, Position, Recorded, StreamId};
use posthaste_domain::{Category, CommandId};
use tokio_postgres::{GenericClient, Row};
use uuid::Uuid;

/// Calls `append_events` by hand, for one event of one stream that is new, both under the id `$1`. Its digest is empty, so its hash
/// proves nothing: for tests that never read it.
pub const RAW_APPEND: &str = "
    SELECT first_position FROM append_events(
        ARRAY['message'], ARRAY[$1::uuid], ARRAY[$1::uuid], ARRAY[1], ARRAY[1], ARRAY[1], ARRAY[sha256('')], ARRAY[NULL::uuid],
        ARRAY[$1::uuid], ARRAY[NULL::uuid], ARRAY[1], ARRAY[0::bigint], ARRAY[1], ARRAY['message.posted'], ARRAY[1::smallint],
        ARRAY['{}'], ARRAY[NULL::bytea], ARRAY[NULL::uuid], ARRAY[''::bytea], ARRAY[]::int[], ARRAY[]::uuid[], ARRAY[]::smallint[]
    )";

/// Runs [`RAW_APPEND`] within whatever transaction the client is in, and gives the position it got.
///
/// # Errors
/// Those of the client.
pub async fn raw_append(client: &impl GenericClient, id: Uuid) -> Result<i64, tokio_postgres::Error> {
    let row: Row = client.query_one(RAW_APPEND, &[&id]).await?;
    row.try_get("first_position")
}

/// The message stream of this id.
#[must_use]
pub fn message(id: Uuid) -> StreamId {
    StreamId { category: Category::Message, id }
}

/// One event that makes a stream of this version one longer, under a command of this id.
#[must_use]
pub fn one_event(command: Uuid, stream: StreamId, version: u64) -> Append {
    Append {
        command: CommandId::new(command),
        fingerprint: [1; 32],
        actor: None,
        correlation: command,
        causation: None,
        checks: vec![Check { stream, expected: Expected::of(version) }],
        events: vec![NewEvent {
            stream,
            version: version + 1,
            event_type: format!("{}.posted", stream.category),
            schema: 1,
            facts: format!("{{\"command\":\"{command}\"}}"),
            content: Some(b"{\"text\":\"hello\"}".to_vec()),
            owner: None,
            thread: None,
            addressees: Vec::new(),
        }],
        unsealed: None,
    }
}

/// The event as a log would have taken it at this position: from nobody, at no particular time, and with no digests.
#[must_use]
pub fn taken(position: Position, new: NewEvent) -> Recorded {
    let NewEvent { stream, version, event_type, schema, facts, content, owner: _, thread, addressees: _ } = new;
    Recorded {
        position,
        stream,
        version,
        event_type,
        schema,
        facts,
        content,
        thread,
        actor: None,
        command: CommandId::new(Uuid::nil()),
        ordinal: 0,
        fingerprint: [0; 32],
        correlation: Uuid::nil(),
        causation: None,
        at: DateTime::UNIX_EPOCH,
        hash: [0; 32],
        decoded: Decoded::default(),
    }
}
