-- Finds out which messages were deleted, before they are told again. Costs nothing to any other event.
CREATE INDEX events_deletions ON events (stream_id, position) WHERE event_type IN ('message.deleted', 'thread.messages_deleted');
