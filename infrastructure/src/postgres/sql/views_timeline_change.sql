-- Messages from before the batch that were edited or deleted: what they say now, which is nothing when they were deleted.
UPDATE view_timeline t SET
    users = string_to_array(c.users, ' ')::uuid[],
    body = c.body,
    attachments = c.attachments,
    words = array_to_tsvector(string_to_array(c.words, ' ')),
    deleted = c.deleted,
    revision = coalesce(c.revision, t.revision),
    edited_at = coalesce(c.edited_at, t.edited_at)
FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::int[], $8::timestamptz[]
) AS c (message_id, users, body, attachments, words, deleted, revision, edited_at)
WHERE t.message_id = c.message_id AND NOT t.deleted
