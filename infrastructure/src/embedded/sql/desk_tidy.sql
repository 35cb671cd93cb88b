-- Whoever asked for these has gone without a word.
DELETE FROM desk WHERE asked_at < ?1
