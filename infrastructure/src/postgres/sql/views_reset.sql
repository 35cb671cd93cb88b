SELECT reset_view($1)
