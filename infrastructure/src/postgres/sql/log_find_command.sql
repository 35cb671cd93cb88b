-- Where a command was recorded. Its events stand together, so the last is before the first of the next command.
SELECT
    e.fingerprint,
    e.position AS first_position,
    coalesce(
        (SELECT next.position FROM events next WHERE next.position > e.position AND next.command_id <> e.command_id ORDER BY next.position LIMIT 1) - 1,
        (SELECT position FROM log_head ORDER BY position DESC LIMIT 1)
    ) AS last_position
FROM events e
WHERE e.command_id = $1 AND e.ordinal = 0
