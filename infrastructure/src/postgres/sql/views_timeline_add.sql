-- Messages that were posted and notices, as they are at the end of the batch.
INSERT INTO view_timeline (
    thread_id, position, at, by_user, users, message_id, body, attachments, deleted, revision, edited_at, reply_to, forwarded_message,
    forwarded_author, words, notice, notice_count, notice_role, notice_title
)
SELECT
    e.thread_id, e.position, e.at, e.by_user, string_to_array(e.users, ' ')::uuid[], e.message_id, e.body, e.attachments, e.deleted, e.revision,
    e.edited_at, e.reply_to, e.forwarded_message, e.forwarded_author, array_to_tsvector(string_to_array(e.words, ' ')), e.notice, e.notice_count,
    e.notice_role, e.notice_title
FROM (
    -- All in step. As one function of FROM, unnest would write each array to a store of its own before the first row is made.
    SELECT
        unnest($1::uuid[]) AS thread_id, unnest($2::bigint[]) AS position, unnest($3::timestamptz[]) AS at, unnest($4::uuid[]) AS by_user,
        unnest($5::text[]) AS users, unnest($6::uuid[]) AS message_id, unnest($7::text[]) AS body, unnest($8::text[]) AS attachments,
        unnest($9::boolean[]) AS deleted, unnest($10::int[]) AS revision, unnest($11::timestamptz[]) AS edited_at, unnest($12::uuid[]) AS reply_to,
        unnest($13::uuid[]) AS forwarded_message, unnest($14::uuid[]) AS forwarded_author, unnest($15::text[]) AS words,
        unnest($16::text[]) AS notice, unnest($17::int[]) AS notice_count, unnest($18::text[]) AS notice_role, unnest($19::text[]) AS notice_title
) AS e
