-- What users log in with. Never in the log, never in a view.
CREATE TABLE credentials (
    user_id uuid PRIMARY KEY,
    email text NOT NULL,
    -- A PHC string.
    password_hash text NOT NULL
);

GRANT SELECT, INSERT ON credentials TO posthaste_server;
