SELECT revision FROM view_revisions WHERE view = ?1
