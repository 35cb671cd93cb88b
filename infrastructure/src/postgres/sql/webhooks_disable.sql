UPDATE webhook_endpoints SET disabled_at = coalesce(disabled_at, $4) WHERE name = $1 AND holder = $2 AND epoch = $3
