-- The oldest program that this file takes, by the version of the schema that it knows.
SELECT oldest
  FROM schema_compat
 WHERE one = 1
