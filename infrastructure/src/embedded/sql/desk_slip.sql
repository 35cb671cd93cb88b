SELECT position, goal, answer FROM desk WHERE number = ?1
