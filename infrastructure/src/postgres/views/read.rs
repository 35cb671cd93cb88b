//! What people ask: pages as parameters, rows as what the views show.

pub(super) mod members;
pub(super) mod people;
pub(super) mod threads;
pub(super) mod timeline;

mod entry;

use posthaste_application::port::PortError;
use posthaste_application::recorded::Position;
use posthaste_application::view::{Page, Person};
use posthaste_domain::UserId;
use posthaste_domain::thread::Appearance;
use tokio_postgres::Row;
use uuid::Uuid;

use super::super::rows;

/// A position as parameters take it. Beyond the last one that the tables can hold there is nothing.
fn bound(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

/// The most rows of a page.
fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A page as its statement takes it: the key it stays below, and the most rows.
fn bounds(page: Page) -> (i64, i64) {
    (page.before.map_or(i64::MAX, bound), most(page.limit))
}

/// Every identifier, or one alone, as the range that statements take.
fn range(one: Option<impl Into<Uuid>>) -> (Uuid, Uuid) {
    one.map_or((Uuid::nil(), Uuid::max()), |id| {
        let id = id.into();
        (id, id)
    })
}

/// The pattern of texts that have this text in them; `None` when no text has, for the tables cannot hold a NUL.
fn pattern(matching: &str) -> Option<String> {
    if matching.contains('\0') {
        return None;
    }
    let escaped = matching.chars().flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c]));
    Some(format!("%{}%", escaped.collect::<String>()))
}

/// A number that is small.
fn small(row: &Row, column: &'static str) -> Result<u32, PortError> {
    u32::try_from(rows::value::<i32>(row, column)?).map_err(|error| PortError::corrupt(column, error))
}

/// A text that was checked when it was written.
fn text<T: TryFrom<String>>(row: &Row, column: &'static str) -> Result<Option<T>, PortError>
where
    T::Error: std::error::Error + Send + Sync + 'static,
{
    let text: Option<String> = rows::value(row, column)?;
    text.map(|text| T::try_from(text).map_err(|error| PortError::corrupt(column, error))).transpose()
}

/// Somebody, from the column with their id and those of their profile, if there is one.
fn person(row: &Row, column: &'static str) -> Result<Person, PortError> {
    Ok(Person {
        user: UserId::new(rows::value(row, column)?),
        username: rows::value(row, "username")?,
        display_name: rows::value(row, "display_name")?,
        registered: rows::optional_position(row, "registered")?.unwrap_or_default(),
    })
}

fn appearance(row: &Row) -> Result<Option<Appearance>, PortError> {
    let Some(title) = text(row, "title")? else { return Ok(None) };
    let avatar = rows::optional(row, "avatar")?.map(posthaste_domain::FileId::new);
    Ok(Some(Appearance { title, description: text(row, "description")?, avatar }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_the_text_and_nothing_else() {
        assert_eq!(pattern("50%_\\").unwrap(), "%50\\%\\_\\\\%");
        assert_eq!(pattern("").unwrap(), "%%");
        assert_eq!(pattern("a\0b"), None);
    }
}
