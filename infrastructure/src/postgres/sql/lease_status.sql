SELECT epoch, CASE WHEN expires_at > clock_timestamp() THEN holder END AS holder, checkpoint FROM relay_lease
