-- For each device of a user, the first move that reached a position, if the device started before it.
SELECT cursors.device_id, moves.moved_at
  FROM cursors
  JOIN cursor_moves AS moves
    ON moves.user_id = cursors.user_id
   AND moves.device_id = cursors.device_id
   AND moves.to_position = (SELECT min(to_position)
                              FROM cursor_moves
                             WHERE user_id = cursors.user_id AND device_id = cursors.device_id AND to_position >= ?2)
 WHERE cursors.user_id = ?1 AND moves.from_position < ?2
