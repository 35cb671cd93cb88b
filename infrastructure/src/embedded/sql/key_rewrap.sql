UPDATE content_keys SET wrapped = ?3 WHERE owner_id = ?1 AND wrapped = ?2 AND NOT destroyed
