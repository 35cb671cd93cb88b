INSERT INTO view_dropped (view, position) VALUES ($1, $2) ON CONFLICT DO NOTHING
