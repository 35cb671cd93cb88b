-- What was imported is the log, and history: the relay and the webhooks go on after it.
WITH relay AS (UPDATE relay_lease SET checkpoint = $1), webhooks AS (UPDATE webhook_intake SET taken = $1)
UPDATE log_head SET position = $1, hash = $2 WHERE position = 0
