INSERT INTO factors (user_id, factor_id, sealed, enabled_at, used_step, recovery, revision) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (user_id) DO UPDATE SET
    factor_id = excluded.factor_id, sealed = excluded.sealed, enabled_at = excluded.enabled_at, used_step = excluded.used_step,
    recovery = excluded.recovery, revision = excluded.revision
WHERE factors.enabled_at IS NULL
