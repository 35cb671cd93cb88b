-- A page of the accounts with a name like $3, that are suspended or not ($4), admins ($5), auditors ($6); null asks for nothing. Newest first.
SELECT user_id, username, display_name, registered, suspended, admin, auditor FROM view_profiles
WHERE registered < $1
    AND ($3::text IS NULL OR username_folded LIKE $3 OR display_name_folded LIKE $3)
    AND ($4::boolean IS NULL OR suspended = $4)
    AND ($5::boolean IS NULL OR admin = $5)
    AND ($6::boolean IS NULL OR auditor = $6)
ORDER BY registered DESC LIMIT $2
