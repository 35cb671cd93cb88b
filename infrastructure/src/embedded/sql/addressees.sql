-- Whom an event names. It looks through the table: nobody asks but for an event that a newer program has recorded.
SELECT user_id, change
  FROM event_users
 WHERE position = ?1
 ORDER BY user_id
