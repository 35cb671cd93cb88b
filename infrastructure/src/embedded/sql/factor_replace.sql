UPDATE factors SET enabled_at = ?3, used_step = ?4, recovery = ?5, revision = ?6
WHERE user_id = ?1 AND factor_id = ?2 AND revision + 1 = ?6
