UPDATE relay_lease SET checkpoint = max(checkpoint, ?3), held_until = ?4 WHERE holder = ?1 AND epoch = ?2
