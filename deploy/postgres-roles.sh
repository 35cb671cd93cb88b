#!/usr/bin/env bash
# Runs once, when the database is created: the role that the server logs in with. What it may do is granted by the
# migrations; it owns nothing.
set -euo pipefail

psql --no-psqlrc --set ON_ERROR_STOP=1 --set password="$POSTGRES_SERVER_PASSWORD" \
  --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE posthaste_server LOGIN PASSWORD :'password';
SQL
