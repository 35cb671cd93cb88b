UPDATE relay_lease SET checkpoint = ?1
