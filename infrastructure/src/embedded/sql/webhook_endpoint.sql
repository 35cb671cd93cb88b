SELECT since, epoch, holder, held_until, failing_since, disabled_at FROM webhook_endpoints WHERE name = ?1
