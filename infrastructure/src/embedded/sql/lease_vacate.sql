UPDATE relay_lease SET holder = NULL WHERE holder IS NOT NULL
