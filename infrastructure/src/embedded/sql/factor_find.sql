SELECT factor_id, sealed, enabled_at, used_step, recovery, revision FROM factors WHERE user_id = ?1
