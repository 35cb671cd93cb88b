DELETE FROM mail_queue WHERE folded = ?1
