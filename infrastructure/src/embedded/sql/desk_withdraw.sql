DELETE FROM desk WHERE number = ?1
