UPDATE relay_lease SET epoch = ?1, holder = ?2, held_until = ?3
