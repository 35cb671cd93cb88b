-- Empties what is beside a view ($1), for holder $2 in epoch $3, and begins it with this version of the program ($4), unless that is empty.
SELECT rebuild.begin_view($1, $2, $3, $4) AS begun
