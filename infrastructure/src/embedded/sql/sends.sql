-- For each device of a user, the mark that covers a position.
SELECT cursors.device_id, sends.sent_at
  FROM cursors
  JOIN cursor_sends AS sends
    ON sends.user_id = cursors.user_id
   AND sends.device_id = cursors.device_id
   AND sends.to_position = (SELECT min(to_position)
                              FROM cursor_sends
                             WHERE user_id = cursors.user_id AND device_id = cursors.device_id AND to_position >= ?2)
 WHERE cursors.user_id = ?1 AND sends.from_position < ?2
