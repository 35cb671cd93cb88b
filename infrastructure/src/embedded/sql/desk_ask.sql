INSERT INTO desk (ask, asked_at) VALUES (?1, ?2) RETURNING number
