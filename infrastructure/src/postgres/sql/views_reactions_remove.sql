DELETE FROM view_reactions r USING unnest($1::uuid[], $2::text[], $3::uuid[]) AS t (message_id, emoji, user_id)
WHERE r.message_id = t.message_id AND r.emoji = t.emoji AND r.user_id = t.user_id
