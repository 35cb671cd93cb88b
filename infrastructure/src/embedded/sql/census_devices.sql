SELECT count(*) FROM cursors
