UPDATE desk SET position = ?2, goal = ?3 WHERE number = ?1
