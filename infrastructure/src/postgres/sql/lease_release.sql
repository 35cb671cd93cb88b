UPDATE relay_lease SET holder = NULL, expires_at = '-infinity' WHERE holder = $1 AND epoch = $2
