-- Who was in a thread at a position, whoever came or went with it included.
SELECT latest.user_id
  FROM event_users AS latest
 WHERE latest.thread_id = ?1
   AND latest.change IS NOT NULL
   AND latest.user_id > ?3
   AND latest.position = (SELECT max(position)
                            FROM event_users
                           WHERE thread_id = ?1 AND user_id = latest.user_id AND change IS NOT NULL AND position <= ?2)
   AND (latest.change = 'joined' OR latest.position = ?2)
 ORDER BY latest.user_id
 LIMIT ?4
