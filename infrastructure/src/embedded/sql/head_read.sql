SELECT position, hash FROM log_head
