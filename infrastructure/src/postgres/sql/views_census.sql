SELECT people.*, threads.*, messages.* FROM
    (
        SELECT count(*) AS users, count(*) FILTER (WHERE suspended) AS suspended, count(*) FILTER (WHERE admin) AS admins,
            count(*) FILTER (WHERE auditor) AS auditors
        FROM view_profiles
    ) people,
    (SELECT count(*) AS threads FROM view_threads) threads,
    (SELECT count(message_id) AS messages FROM view_timeline) messages
