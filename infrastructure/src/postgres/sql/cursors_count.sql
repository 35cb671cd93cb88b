SELECT count(*) AS devices FROM cursors
