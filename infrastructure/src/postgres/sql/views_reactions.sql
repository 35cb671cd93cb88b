-- A page of the reactions to a message, the latest first.
SELECT position, user_id, emoji, at FROM view_reactions
WHERE message_id = $1 AND position < $2
ORDER BY position DESC LIMIT $3
