UPDATE relay_lease SET holder = NULL WHERE holder = ?1 AND epoch = ?2
