-- By when the broker had confirmed the log up to where: a row whenever the relay's checkpoint moves. Nothing rests on it; auditors ask.
-- Takes the programs before it.
CREATE TABLE relay_confirmations (
    position bigint PRIMARY KEY,
    at timestamptz NOT NULL
);
GRANT SELECT, INSERT ON relay_confirmations TO posthaste_server;
