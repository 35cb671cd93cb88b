-- Which programs this schema takes: those that were built for the version `oldest` of it, and newer ones.
--
-- A program starts on a newer schema than its own if that takes it, so nodes of two releases run side by side while one replaces the other.
-- Every migration from here on says what it does to this: either it only adds what older programs need not know,
--     -- Takes the programs before it.
-- or it takes something away that no program from some version on needs any more:
--     UPDATE schema_compat SET oldest = <that version>;

CREATE TABLE schema_compat (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    oldest bigint NOT NULL
);
INSERT INTO schema_compat (oldest) VALUES (31);
GRANT SELECT ON schema_compat TO posthaste_server;
