-- Which events are in a thread, kept in two steps. Whoever writes in many threads at once changed a page of the index of threads for nearly
-- every event, and each of those pages went to the disk with it. Now an event is first noted where the last ones are, and every 2,048 positions
-- what was noted is sorted in together, which changes a page for each thread.
-- Whoever appends need not know of it, and misses no row by it.
-- Takes the programs before it.
CREATE TABLE thread_events (
    thread_id BLOB    NOT NULL,
    position  INTEGER NOT NULL,
    PRIMARY KEY (thread_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE thread_events_recent (
    position  INTEGER PRIMARY KEY,
    thread_id BLOB NOT NULL
) STRICT;

INSERT INTO thread_events SELECT thread_id, position FROM events WHERE thread_id IS NOT NULL ORDER BY thread_id, position;
DROP INDEX events_by_thread;

CREATE TRIGGER thread_events_are_sorted_in BEFORE INSERT ON events WHEN new.position % 2048 = 0
BEGIN
    INSERT INTO thread_events SELECT thread_id, position FROM thread_events_recent ORDER BY thread_id, position;
    DELETE FROM thread_events_recent;
END;

CREATE TRIGGER thread_events_are_noted AFTER INSERT ON events WHEN new.thread_id IS NOT NULL
BEGIN
    INSERT INTO thread_events_recent VALUES (new.position, new.thread_id);
END;
