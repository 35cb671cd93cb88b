-- Begins to compare, for holder $2 of the lease of a view ($1) in epoch $3; gives a row if it is theirs, and keeps it from everybody else. It
-- may take long; should the client be gone, it ends.
SELECT
    set_config('statement_timeout', '0', true) AS statement_timeout,
    set_config('client_connection_check_interval', '500ms', true) AS client_connection_check_interval
FROM rebuild.leases WHERE view = $1 AND holder = $2 AND epoch = $3
FOR UPDATE
