-- Whatever is in the words of somebody who was erased.
UPDATE view_timeline SET body = NULL, attachments = NULL, words = NULL
WHERE message_id IS NOT NULL AND (CASE WHEN revision = 1 THEN coalesce(forwarded_author, by_user) ELSE by_user END) = ANY ($1::uuid[])
