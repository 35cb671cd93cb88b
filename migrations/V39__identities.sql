-- Accounts somewhere else that users log in with. Never in the log, never in a view.
-- Takes the programs before it.
-- In `credentials`, an empty hash says from now on that there is no password. Those programs take it for a corrupt one, and let nobody in by it.
CREATE TABLE identities (
    identity_id uuid PRIMARY KEY,
    -- Who vouches for it, and who it is there: told apart to the letter.
    issuer text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    user_id uuid NOT NULL,
    linked_at timestamptz NOT NULL,
    UNIQUE (issuer, subject)
);
CREATE INDEX identities_of_user ON identities (user_id);

-- UPDATE, because whoever locks rows needs it.
GRANT SELECT, INSERT, UPDATE, DELETE ON identities TO posthaste_server;
