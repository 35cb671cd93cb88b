SELECT key, live, rebuilt, total FROM rebuild.differences($1, $2, $3)
