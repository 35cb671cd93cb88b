INSERT INTO view_profiles (user_id, registered, username, display_name, username_folded, display_name_folded)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[])
