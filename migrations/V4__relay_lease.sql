-- Who relays, until when, and how far they have come.
CREATE TABLE relay_lease (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    epoch bigint NOT NULL,
    holder uuid,
    expires_at timestamptz NOT NULL,
    checkpoint bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO relay_lease (epoch, holder, expires_at, checkpoint) VALUES (0, NULL, '-infinity', 0);

GRANT SELECT, UPDATE ON relay_lease TO posthaste_server;
