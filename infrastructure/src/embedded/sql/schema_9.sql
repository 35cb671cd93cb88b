-- By when the broker had confirmed the log up to where, in microseconds since 1970, UTC: a row whenever the relay's checkpoint moves.
-- Nothing rests on it; auditors ask.
-- Takes the programs before it.
CREATE TABLE relay_confirmations (
    position INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL
) STRICT;
