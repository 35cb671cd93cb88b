-- What a user lets others know of their comings and goings.
ALTER TABLE view_profiles
    ADD COLUMN presence text COLLATE "C" NOT NULL DEFAULT 'friends',
    ADD COLUMN last_seen text COLLATE "C" NOT NULL DEFAULT 'friends',
    ADD COLUMN read_receipts boolean NOT NULL DEFAULT true;
