-- append_events does the same for less: nothing that it needs of an array is copied out of it first, and it keeps less about each event.
-- Takes the programs before it.

-- The only way into the log: records what it can of a batch of appends, and answers for each.
--
-- Appends, checks and events come as columns, one array each, one append after the other. Streams and commands come once each and are
-- referred to by their place, from 1. Versions are not asked for but counted here, from what the log has.
--
-- Everything from the lock on is one statement to the caller: no client is waited for while the head is locked, until the commit.
-- Each query here sees what was committed before the lock was given, because under READ COMMITTED each takes a snapshot of its own;
-- under any stricter isolation the lock itself fails when the head has moved.
--
-- Arrays are looked into at places. Here, in PL/pgSQL, that takes the same time wherever the place is, and less than unnest, which in FROM
-- writes each of its arrays to a store of its own before the first row is made. Where order matters, places are sorted, not what is found there.
CREATE OR REPLACE FUNCTION append_events(
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
    -- For each command: where it was recorded before this batch, or else which append of this batch recorded it.
    command_firsts bigint[];
    command_appends int[] := array_fill(NULL::int, ARRAY[cardinality(command_ids)]);
    -- For each event that is recorded.
    event_positions bigint[] := array_fill(NULL::bigint, ARRAY[events]);
    event_versions bigint[] := array_fill(NULL::bigint, ARRAY[events]);
    event_appends int[] := array_fill(NULL::int, ARRAY[events]);
    event_hashes bytea[] := array_fill(NULL::bytea, ARRAY[events]);
    -- For each append: its answer.
    answer_firsts bigint[] := array_fill(NULL::bigint, ARRAY[appends]);
    answer_lasts bigint[] := array_fill(NULL::bigint, ARRAY[appends]);
    answer_repeated boolean[] := array_fill(false, ARRAY[appends]);
    answer_checks int[] := array_fill(NULL::int, ARRAY[appends]);
    answer_versions bigint[] := array_fill(NULL::bigint, ARRAY[appends]);
    last_check int := 0;
    last_event int := 0;
    command int;
    first_known bigint;
    earlier int;
BEGIN
    SELECT h.position, h.hash INTO STRICT head_before, head_hash FROM log_head h ORDER BY h.position DESC LIMIT 1 FOR UPDATE;
    head_now := head_before;
    hash_then := head_hash;
    recorded_now := clock_timestamp();
    recorded_bytes := int8send((extract(epoch FROM recorded_now) * 1000000)::bigint);

    versions := ARRAY(
        SELECT coalesce((
            SELECT e.version FROM events e WHERE e.stream_id = stream_ids[n] AND e.category = stream_categories[n] ORDER BY e.version DESC LIMIT 1
        ), 0)
        FROM (SELECT n FROM generate_series(1, cardinality(stream_ids)) AS n ORDER BY n) AS places
    );
    command_firsts := ARRAY(
        SELECT (SELECT e.position FROM events e WHERE e.command_id = command_ids[n] AND e.ordinal = 0)
        FROM (SELECT n FROM generate_series(1, cardinality(command_ids)) AS n ORDER BY n) AS places
    );

    <<next_append>>
    FOR append IN 1 .. appends LOOP
        command := append_commands[append];
        last_check := last_check + append_checks[append];
        last_event := last_event + append_events[append];

        first_known := command_firsts[command];
        IF first_known IS NOT NULL THEN
            IF append_fingerprints[append] = (SELECT e.fingerprint FROM events e WHERE e.position = first_known) THEN
                answer_firsts[append] := first_known;
                -- The events of a command stand together, so the last is before the next command's first.
                answer_lasts[append] := coalesce(
                    (SELECT e.position FROM events e
                     WHERE e.position > first_known AND e.command_id <> command_ids[command]
                     ORDER BY e.position LIMIT 1) - 1,
                    head_before
                );
                answer_repeated[append] := true;
            END IF;
            CONTINUE next_append;
        END IF;

        earlier := command_appends[command];
        IF earlier IS NOT NULL THEN
            IF append_fingerprints[append] = append_fingerprints[earlier] THEN
                answer_firsts[append] := answer_firsts[earlier];
                answer_lasts[append] := answer_lasts[earlier];
                answer_repeated[append] := true;
            END IF;
            CONTINUE next_append;
        END IF;

        FOR checked IN last_check - append_checks[append] + 1 .. last_check LOOP
            IF versions[check_streams[checked]] IS DISTINCT FROM check_versions[checked] THEN
                answer_checks[append] := checked;
                answer_versions[append] := versions[check_streams[checked]];
                CONTINUE next_append;
            END IF;
        END LOOP;

        command_appends[command] := append;
        answer_firsts[append] := head_now + 1;
        FOR event IN last_event - append_events[append] + 1 .. last_event LOOP
            head_now := head_now + 1;
            head_hash := sha256(head_hash || event_digests[event] || int8send(head_now) || recorded_bytes);
            versions[event_streams[event]] := versions[event_streams[event]] + 1;
            event_positions[event] := head_now;
            event_versions[event] := versions[event_streams[event]];
            event_appends[event] := append;
            event_hashes[event] := head_hash;
        END LOOP;
        answer_lasts[append] := head_now;
    END LOOP;

    IF head_now > head_before THEN
        INSERT INTO events (
            position, version, recorded_at, stream_id, command_id, correlation, thread_id, actor, causation, schema, ordinal, category,
            event_type, fingerprint, hash, facts, content
        )
        SELECT
            event_positions[n], event_versions[n], recorded_now, stream_ids[event_streams[n]], command_ids[append_commands[event_appends[n]]],
            append_correlations[event_appends[n]], event_threads[n], append_actors[event_appends[n]], append_causations[event_appends[n]],
            event_schemas[n], event_positions[n] - answer_firsts[event_appends[n]], stream_categories[event_streams[n]], event_types[n],
            append_fingerprints[event_appends[n]], event_hashes[n], event_facts[n]::json, event_contents[n]
        FROM generate_series(1, events) AS n
        WHERE event_positions[n] IS NOT NULL;

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

    RETURN QUERY
    SELECT answer_firsts[n], answer_lasts[n], answer_repeated[n], answer_checks[n], answer_versions[n], recorded_now, hash_then
    FROM (SELECT n FROM generate_series(1, appends) AS n ORDER BY n) AS places;
END
$$;

-- What is sealed cannot be made smaller, so nothing is to try where a message is long. This waits for whoever reads the whole log at the
-- moment, such as a dump, and every append waits behind it: so not for long. It can be tried again.
SET LOCAL lock_timeout = '5s';
ALTER TABLE events ALTER COLUMN content SET STORAGE EXTERNAL;
