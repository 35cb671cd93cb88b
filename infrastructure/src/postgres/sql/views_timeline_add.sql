-- Messages that were posted and notices, as they are at the end of the batch.
INSERT INTO view_timeline (
    thread_id, position, at, by_user, users, message_id, body, attachments, deleted, revision, edited_at, reply_to, forwarded_message,
    forwarded_author, words, notice, notice_count, notice_role, notice_title
)
SELECT
    e.thread_id, e.position, e.at, e.by_user, string_to_array(e.users, ' ')::uuid[], e.message_id, e.body, e.attachments, e.deleted, e.revision,
    e.edited_at, e.reply_to, e.forwarded_message, e.forwarded_author, array_to_tsvector(string_to_array(e.words, ' ')), e.notice, e.notice_count,
    e.notice_role, e.notice_title
FROM unnest(
    $1::uuid[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::text[], $6::uuid[], $7::text[], $8::text[], $9::boolean[], $10::int[],
    $11::timestamptz[], $12::uuid[], $13::uuid[], $14::uuid[], $15::text[], $16::text[], $17::int[], $18::text[], $19::text[]
) AS e (
    thread_id, position, at, by_user, users, message_id, body, attachments, deleted, revision, edited_at, reply_to, forwarded_message,
    forwarded_author, words, notice, notice_count, notice_role, notice_title
)
