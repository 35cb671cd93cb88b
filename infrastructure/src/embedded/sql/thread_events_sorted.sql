UPDATE thread_events_sorted SET upto = ?1 WHERE one = 1
