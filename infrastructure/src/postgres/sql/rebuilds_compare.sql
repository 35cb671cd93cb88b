SELECT name, live, rebuilt, buckets, digest FROM rebuild.compare_view($1)
