INSERT INTO passcodes (passcode_id, hash) VALUES ($1, $2) ON CONFLICT DO NOTHING
