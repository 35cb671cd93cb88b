-- What append_events recorded, told to who appends: when, and after which hash. Whoever follows the log in the same process then has the events
-- without reading them.
-- Takes the programs before it.
DROP FUNCTION append_events;

-- The only way into the log: records what it can of a batch of appends, and answers for each.
--
-- Appends, checks and events come as columns, one array each, one append after the other. Streams and commands come once each and are
-- referred to by their place, from 1. Versions are not asked for but counted here, from what the log has.
--
-- Everything from the lock on is one statement to the caller: no client is waited for while the head is locked, until the commit.
-- Each query here sees what was committed before the lock was given, because under READ COMMITTED each takes a snapshot of its own;
-- under any stricter isolation the lock itself fails when the head has moved.
CREATE FUNCTION append_events(
    stream_categories text[],
    stream_ids uuid[],
    command_ids uuid[],
    -- For each append: its command, how many checks and events are its own, and what its events have in common.
    append_commands int[],
    append_checks int[],
    append_events int[],
    append_fingerprints bytea[],
    append_actors uuid[],
    append_correlations uuid[],
    append_causations uuid[],
    -- For each check: its stream, and how many events it must have.
    check_streams int[],
    check_versions bigint[],
    -- For each event.
    event_streams int[],
    event_types text[],
    event_schemas smallint[],
    event_facts text[],
    event_contents bytea[],
    event_threads uuid[],
    event_digests bytea[],
    -- For each user named by an event: the event, the user, and 1 if they join its thread, -1 if they leave it.
    addressee_events int[],
    addressee_users uuid[],
    addressee_changes smallint[]
)
RETURNS TABLE (
    -- Where the append was recorded, now or (repeated) when its command came first; null when it was refused.
    first_position bigint,
    last_position bigint,
    repeated boolean,
    -- The check that failed, and the version its stream has; null in a refused append whose command is known for something else.
    failed_check int,
    actual_version bigint,
    -- The same in every row: what the caller needs to know the events as they stand in the log without reading them. They all have this
    -- time, and each hash follows from the one before it, the first from this.
    recorded_at timestamptz,
    hash_before bytea
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
-- The plans are by index whatever the statistics say about a log that was empty a minute ago, and are made once for each connection.
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    appends CONSTANT int := cardinality(append_commands);
    events CONSTANT int := cardinality(event_streams);
    head_before bigint;
    head_now bigint;
    hash_then bytea;
    head_hash bytea;
    recorded_now timestamptz;
    recorded_bytes bytea;
    versions bigint[];
    -- For each command: where it is, once that is known.
    command_firsts bigint[];
    command_lasts bigint[];
    command_fingerprints bytea[];
    -- For each event that is recorded.
    event_positions bigint[] := array_fill(NULL::bigint, ARRAY[events]);
    event_versions bigint[] := array_fill(NULL::bigint, ARRAY[events]);
    event_appends int[] := array_fill(NULL::int, ARRAY[events]);
    event_ordinals smallint[] := array_fill(NULL::smallint, ARRAY[events]);
    event_hashes bytea[] := array_fill(NULL::bytea, ARRAY[events]);
    -- For each append: its answer.
    answer_firsts bigint[] := array_fill(NULL::bigint, ARRAY[appends]);
    answer_lasts bigint[] := array_fill(NULL::bigint, ARRAY[appends]);
    answer_repeated boolean[] := array_fill(false, ARRAY[appends]);
    answer_checks int[] := array_fill(NULL::int, ARRAY[appends]);
    answer_versions bigint[] := array_fill(NULL::bigint, ARRAY[appends]);
    last_check int := 0;
    last_event int := 0;
    first_check int;
    first_event int;
    command int;
    stream int;
    stream_version bigint;
BEGIN
    SELECT h.position, h.hash INTO STRICT head_before, head_hash FROM log_head h ORDER BY h.position DESC LIMIT 1 FOR UPDATE;
    head_now := head_before;
    hash_then := head_hash;
    recorded_now := clock_timestamp();
    recorded_bytes := int8send((extract(epoch FROM recorded_now) * 1000000)::bigint);

    versions := ARRAY(
        SELECT coalesce((SELECT e.version FROM events e WHERE e.stream_id = s.id AND e.category = s.category ORDER BY e.version DESC LIMIT 1), 0)
        FROM unnest(stream_ids, stream_categories) WITH ORDINALITY AS s (id, category, n) ORDER BY s.n
    );
    command_firsts := ARRAY(
        SELECT (SELECT e.position FROM events e WHERE e.command_id = c.id AND e.ordinal = 0)
        FROM unnest(command_ids) WITH ORDINALITY AS c (id, n) ORDER BY c.n
    );
    command_lasts := array_fill(NULL::bigint, ARRAY[cardinality(command_ids)]);
    command_fingerprints := array_fill(NULL::bytea, ARRAY[cardinality(command_ids)]);

    <<next_append>>
    FOR append IN 1 .. appends LOOP
        command := append_commands[append];
        first_check := last_check + 1;
        first_event := last_event + 1;
        last_check := last_check + append_checks[append];
        last_event := last_event + append_events[append];

        IF command_firsts[command] IS NOT NULL THEN
            IF command_lasts[command] IS NULL THEN
                -- Recorded before this batch. The events of a command stand together, so the last is before the next command's first.
                command_fingerprints[command] := (SELECT e.fingerprint FROM events e WHERE e.position = command_firsts[command]);
                command_lasts[command] := coalesce(
                    (SELECT e.position FROM events e
                     WHERE e.position > command_firsts[command] AND e.command_id <> command_ids[command]
                     ORDER BY e.position LIMIT 1) - 1,
                    head_before
                );
            END IF;
            IF command_fingerprints[command] = append_fingerprints[append] THEN
                answer_firsts[append] := command_firsts[command];
                answer_lasts[append] := command_lasts[command];
                answer_repeated[append] := true;
            END IF;
            CONTINUE next_append;
        END IF;

        FOR checked IN first_check .. last_check LOOP
            stream_version := versions[check_streams[checked]];
            IF stream_version IS DISTINCT FROM check_versions[checked] THEN
                answer_checks[append] := checked;
                answer_versions[append] := stream_version;
                CONTINUE next_append;
            END IF;
        END LOOP;

        command_firsts[command] := head_now + 1;
        FOR event IN first_event .. last_event LOOP
            head_now := head_now + 1;
            head_hash := sha256(head_hash || event_digests[event] || int8send(head_now) || recorded_bytes);
            stream := event_streams[event];
            stream_version := versions[stream] + 1;
            versions[stream] := stream_version;
            event_positions[event] := head_now;
            event_versions[event] := stream_version;
            event_appends[event] := append;
            event_ordinals[event] := event - first_event;
            event_hashes[event] := head_hash;
        END LOOP;
        command_lasts[command] := head_now;
        command_fingerprints[command] := append_fingerprints[append];
        answer_firsts[append] := command_firsts[command];
        answer_lasts[append] := head_now;
    END LOOP;

    IF head_now > head_before THEN
        INSERT INTO events (
            position, version, recorded_at, stream_id, command_id, correlation, thread_id, actor, causation, schema, ordinal, category,
            event_type, fingerprint, hash, facts, content
        )
        SELECT
            e.position, e.version, recorded_now, stream_ids[e.stream], command_ids[append_commands[e.append]],
            append_correlations[e.append], e.thread_id, append_actors[e.append], append_causations[e.append], e.schema, e.ordinal,
            stream_categories[e.stream], e.event_type, append_fingerprints[e.append], e.hash, e.facts::json, e.content
        FROM unnest(
            event_positions, event_versions, event_appends, event_ordinals, event_hashes, event_streams, event_types, event_schemas,
            event_facts, event_contents, event_threads
        ) AS e (position, version, append, ordinal, hash, stream, event_type, schema, facts, content, thread_id)
        WHERE e.position IS NOT NULL;

        IF cardinality(addressee_events) > 0 THEN
            INSERT INTO event_users (user_id, position, thread_id, change)
            SELECT a.user_id, event_positions[a.event], CASE WHEN a.change IS NOT NULL THEN event_threads[a.event] END, a.change
            FROM unnest(addressee_events, addressee_users, addressee_changes) AS a (event, user_id, change)
            WHERE event_positions[a.event] IS NOT NULL;
        END IF;

        UPDATE log_head h SET position = head_now, hash = head_hash WHERE h.position = head_before;
        -- One for the batch. It is sent with the commit, and carries the position so that nobody who is ahead looks.
        PERFORM pg_notify('posthaste_log', head_now::text);
    END IF;

    RETURN QUERY SELECT a.*, recorded_now, hash_then
    FROM unnest(answer_firsts, answer_lasts, answer_repeated, answer_checks, answer_versions) AS a;
END
$$;

REVOKE ALL ON FUNCTION append_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_events TO posthaste_server;
