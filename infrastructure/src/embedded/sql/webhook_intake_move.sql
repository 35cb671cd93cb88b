UPDATE webhook_intake SET taken = ?2 WHERE taken = ?1
