UPDATE rebuild.leases SET holder = NULL, expires_at = '-infinity' WHERE view = $1 AND holder = $2 AND epoch = $3
