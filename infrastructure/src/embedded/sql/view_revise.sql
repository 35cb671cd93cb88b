UPDATE view_revisions SET revision = revision + 1 WHERE view = ?1
