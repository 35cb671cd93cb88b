UPDATE webhook_endpoints SET failing_since = ?2, disabled_at = ?3 WHERE name = ?1
