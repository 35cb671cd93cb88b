UPDATE desk SET answer = ?2 WHERE number = ?1
