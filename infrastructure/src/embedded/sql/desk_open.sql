SELECT number, ask FROM desk WHERE answer IS NULL ORDER BY number
