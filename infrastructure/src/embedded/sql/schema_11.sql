-- What somebody beside the server asks of the views, which are in its memory, how far it is with that, and what came of it, as JSON. Nothing
-- of this outlives those who ask.
-- Takes the programs before it.
CREATE TABLE desk (
    -- Never one again that was taken back: somebody may still be at it.
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    ask      TEXT    NOT NULL,
    asked_at INTEGER NOT NULL,
    position INTEGER,
    goal     INTEGER,
    answer   TEXT
) STRICT;
