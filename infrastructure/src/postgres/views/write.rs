//! What a batch of events writes: rows as columns, many in one statement.

pub(super) mod people;
pub(super) mod threads;
pub(super) mod timeline;

mod invites;
mod members;

use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::recorded::Recorded;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::super::door::Statement;
use super::super::rows;
use super::projection::PLACE;

/// Rows as a statement takes them: an array for each column.
pub(super) trait Columns: Send + Sync {
    /// Whether there are no rows.
    fn is_empty(&self) -> bool;

    /// The arrays, in the order of the statement's parameters.
    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)>;
}

/// A row, and rows of this kind as columns.
macro_rules! columns {
    ($(#[$doc:meta])* $row:ident as $columns:ident { $($field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(super) struct $row {
            $(pub(super) $field: $type,)+
        }

        #[derive(Default)]
        pub(super) struct $columns {
            rows: usize,
            $($field: Vec<$type>,)+
        }

        impl FromIterator<$row> for $columns {
            fn from_iter<I: IntoIterator<Item = $row>>(rows: I) -> Self {
                let mut columns = Self::default();
                for row in rows {
                    columns.rows += 1;
                    $(columns.$field.push(row.$field);)+
                }
                columns
            }
        }

        impl $crate::postgres::views::write::Columns for $columns {
            fn is_empty(&self) -> bool {
                self.rows == 0
            }

            fn parameters(&self) -> Vec<&(dyn tokio_postgres::types::ToSql + Sync)> {
                vec![$(&self.$field,)+]
            }
        }
    };
}
use columns;

columns! {
    /// An identifier.
    IdRow as Ids { id: Uuid }
}
columns! {
    /// A key of two identifiers.
    PairRow as Pairs { one: Uuid, other: Uuid }
}

impl From<Uuid> for IdRow {
    fn from(id: Uuid) -> Self {
        Self { id }
    }
}

impl From<(Uuid, Uuid)> for PairRow {
    fn from((one, other): (Uuid, Uuid)) -> Self {
        Self { one, other }
    }
}

/// A statement and the rows it takes.
pub(super) struct Write {
    statement: Statement,
    columns: Box<dyn Columns>,
}

impl Write {
    /// What a statement writes of these rows.
    fn of<C: Columns + FromIterator<R> + 'static, R>(statement: Statement, rows: impl IntoIterator<Item = R>) -> Self {
        Self { statement, columns: Box::new(rows.into_iter().collect::<C>()) }
    }

    /// The statement and its parameters, if it has any rows to write.
    pub(super) fn parameters(&self) -> Option<(Statement, Vec<&(dyn ToSql + Sync)>)> {
        (!self.columns.is_empty()).then(|| (self.statement, self.columns.parameters()))
    }
}

/// When something happened, as the tables have it.
#[derive(Clone, Copy, Debug)]
struct Moment {
    position: i64,
    at: DateTime<Utc>,
}

impl Moment {
    fn of(recorded: &Recorded) -> Result<Self, PortError> {
        Ok(Self { position: rows::number(recorded.position.0)?, at: recorded.at })
    }
}

/// A number as the tables have it.
fn int(number: u32) -> Result<i32, PortError> {
    i32::try_from(number).map_err(|error| PortError::poison(PLACE, error))
}
