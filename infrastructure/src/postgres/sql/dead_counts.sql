SELECT consumer, count(*) AS letters FROM dead_letters GROUP BY consumer ORDER BY consumer
