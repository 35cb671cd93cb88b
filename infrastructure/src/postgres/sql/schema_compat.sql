-- The oldest program that this schema takes, by the version of the schema that it was built for. Asked of a newer schema alone, which has this.
SELECT oldest FROM schema_compat
