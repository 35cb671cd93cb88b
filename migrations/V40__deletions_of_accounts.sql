-- When an account ends, because its owner asked for that. Null for nearly everybody; stays when it has ended.
-- Takes the programs before it.
ALTER TABLE view_profiles ADD COLUMN deletion_at timestamptz;
ALTER TABLE rebuild.view_profiles ADD COLUMN deletion_at timestamptz;

-- Finds out whose time has come.
CREATE INDEX view_profiles_deletions ON view_profiles (deletion_at, user_id) WHERE deletion_at IS NOT NULL;
CREATE INDEX view_profiles_deletions ON rebuild.view_profiles (deletion_at, user_id) WHERE deletion_at IS NOT NULL;
