SELECT consumer, count(*) FROM dead_letters GROUP BY consumer ORDER BY consumer
