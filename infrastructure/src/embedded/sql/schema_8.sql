-- Which programs this file takes: those that know the version `oldest` of the schema, and newer ones. So it can be opened by the program before
-- the one that brought it up to date. Every version from here on says what it does to this: either it only adds what older programs need not
-- know,
--     -- Takes the programs before it.
-- or it takes something away that no program from some version on needs any more:
--     UPDATE schema_compat SET oldest = <that version>;
CREATE TABLE schema_compat (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    oldest INTEGER NOT NULL
) STRICT;

INSERT INTO schema_compat VALUES (1, 8);
