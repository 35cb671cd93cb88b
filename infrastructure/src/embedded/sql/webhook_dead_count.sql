SELECT count(*) FROM dead_letters WHERE consumer = 'webhook:' || ?1
