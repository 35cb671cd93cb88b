SELECT DISTINCT consumer FROM dead_letters WHERE asked_at IS NOT NULL ORDER BY consumer
