SELECT removed, added FROM rebuild.exchange($1, $2)
