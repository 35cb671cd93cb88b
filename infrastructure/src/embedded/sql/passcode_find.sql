SELECT hash FROM passcodes WHERE passcode_id = ?1
