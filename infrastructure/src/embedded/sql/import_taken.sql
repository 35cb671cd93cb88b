UPDATE webhook_intake SET taken = ?1
