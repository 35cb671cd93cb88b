-- The reactions to messages that were deleted.
DELETE FROM view_reactions WHERE message_id = ANY ($1)
