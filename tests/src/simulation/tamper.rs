//! Somebody with a hand on the file.

use std::path::Path;

use posthaste_application::recorded::Position;
use rusqlite::{Connection, params};

use super::dice::Dice;

/// Changes the log behind everybody's back, and gives the first position that is not as it was.
pub(super) fn tamper(file: &Path, head: Position, dice: &mut Dice) -> anyhow::Result<Position> {
    let connection = Connection::open(file)?;
    connection.execute_batch("DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_deleted")?;
    let at = 1 + dice.below(head.0);
    let position = i64::try_from(at)?;
    match dice.below(5) {
        0 => {
            // Two neighbours change places.
            let (one, other) = if at == head.0 { (position - 1, position) } else { (position, position + 1) };
            for (from, to) in [(one, -1), (other, one), (-1, other)] {
                connection.execute("UPDATE events SET position = ?2 WHERE position = ?1", params![from, to])?;
            }
            return Ok(Position(one.unsigned_abs()));
        }
        1 => connection.execute("DELETE FROM events WHERE position = ?1", params![position])?,
        2 => connection.execute("DELETE FROM events WHERE position >= ?1", params![position])?,
        3 => connection.execute("UPDATE events SET recorded_at = recorded_at - 1 WHERE position = ?1", params![position])?,
        _ => connection.execute("UPDATE events SET facts = facts || ' ' WHERE position = ?1", params![position])?,
    };
    Ok(Position(at))
}
