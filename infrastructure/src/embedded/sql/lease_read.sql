SELECT epoch, holder, held_until, checkpoint FROM relay_lease
