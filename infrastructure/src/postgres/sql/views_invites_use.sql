UPDATE view_invites i SET uses = i.uses + u.more FROM unnest($1::uuid[], $2::int[]) AS u (invite_id, more) WHERE i.invite_id = u.invite_id
