SELECT position FROM view_checkpoints WHERE view = $1
