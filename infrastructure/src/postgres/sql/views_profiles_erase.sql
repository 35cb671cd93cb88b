UPDATE view_profiles SET username = NULL, display_name = NULL, username_folded = NULL, display_name_folded = NULL
WHERE user_id = ANY ($1::uuid[])
