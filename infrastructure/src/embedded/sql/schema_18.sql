-- What was not sorted in by thread yet is no longer noted in rows of its own: it is read from the log itself, from where the sorting in ended.
-- Two triggers and a row for each event were nearly a third of what it took to record one.
-- Takes the programs before it.
-- They find the rows they ask for, and while one of them runs nothing is sorted in.
INSERT INTO thread_events SELECT thread_id, position FROM thread_events_recent ORDER BY thread_id, position;
DROP TRIGGER thread_events_are_sorted_in;
DROP TRIGGER thread_events_are_noted;
DROP TABLE thread_events_recent;

CREATE TABLE thread_events_sorted (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    -- Up to which position events are in thread_events.
    upto INTEGER NOT NULL
) STRICT;

INSERT INTO thread_events_sorted SELECT 1, position FROM log_head;

-- For the programs before.
CREATE VIEW thread_events_recent (position, thread_id) AS
SELECT position, thread_id FROM events
WHERE position > (SELECT upto FROM thread_events_sorted WHERE one = 1) AND thread_id IS NOT NULL;
