UPDATE consumers SET checkpoint = max(checkpoint, ?2) WHERE name = ?1
