-- As they were recorded; only the owner of the log may do this.
INSERT INTO events (
    position, version, recorded_at, stream_id, command_id, correlation, thread_id, actor, causation, schema, ordinal, category,
    event_type, fingerprint, hash, facts, content
)
SELECT
    e.position, e.version, e.recorded_at, e.stream_id, e.command_id, e.correlation, e.thread_id, e.actor, e.causation, e.schema, e.ordinal,
    e.category, e.event_type, e.fingerprint, e.hash, e.facts::json, e.content
FROM unnest(
    $1::bigint[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[],
    $10::smallint[], $11::smallint[], $12::text[], $13::text[], $14::bytea[], $15::bytea[], $16::text[], $17::bytea[]
) AS e (
    position, version, recorded_at, stream_id, command_id, correlation, thread_id, actor, causation, schema, ordinal, category,
    event_type, fingerprint, hash, facts, content
)
