-- What joining a thread may take, as PHC strings. Never in the log, never in a view.
CREATE TABLE passcodes (
    passcode_id uuid PRIMARY KEY,
    hash text NOT NULL
);
REVOKE UPDATE, DELETE ON passcodes FROM posthaste_server;

-- Who tried which thread's passcode, by which command, and when.
CREATE TABLE passcode_attempts (
    user_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    command_id uuid NOT NULL,
    attempted_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, thread_id, command_id)
);
REVOKE UPDATE ON passcode_attempts FROM posthaste_server;
