//! Who is and was in each thread.

use posthaste_application::port::PortError;
use posthaste_application::recorded::Recorded;
use posthaste_application::view::Member;
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::{Event, ThreadId, UserId};
use tokio_postgres::Row;
use uuid::Uuid;

use super::super::connect::Postgres;
use super::super::door::{Statement, statement};
use super::super::rows;
use super::projection::{Step, unreadable};

const LIST: Statement = statement!("views_members");
const MEMBER: Statement = statement!("views_member");
const APPLY: Statement = statement!("views_members_apply");

/// Memberships that began in a batch, as columns.
#[derive(Default)]
struct Joined {
    threads: Vec<Uuid>,
    positions: Vec<i64>,
    users: Vec<Uuid>,
}

pub(super) async fn apply(step: Step<'_>, events: &[Recorded]) -> Result<bool, PortError> {
    let mut joined = Joined::default();
    for recorded in events {
        match recorded.event().map_err(unreadable)? {
            Event::Thread(ThreadEvent::Opened { thread, pair, .. }) => {
                for user in pair.users() {
                    joined.threads.push(thread.uuid());
                    joined.positions.push(rows::number(recorded.position.0)?);
                    joined.users.push(user.uuid());
                }
            }
            Event::User(_) | Event::Claim(_) | Event::Friendship(_) | Event::Message(_) => {}
        }
    }
    step.run(APPLY, &[&joined.threads, &joined.positions, &joined.users]).await
}

pub(super) async fn list(postgres: &Postgres, thread: ThreadId) -> Result<Vec<Member>, PortError> {
    postgres.query(LIST, &[&thread.uuid()]).await?.iter().map(|row| membership(thread, row)).collect()
}

pub(super) async fn member(postgres: &Postgres, thread: ThreadId, user: UserId) -> Result<Option<Member>, PortError> {
    postgres.query(MEMBER, &[&thread.uuid(), &user.uuid()]).await?.first().map(|row| membership(thread, row)).transpose()
}

fn membership(thread: ThreadId, row: &Row) -> Result<Member, PortError> {
    Ok(Member {
        thread,
        user: UserId::new(rows::value(row, "user_id")?),
        joined: rows::position(row, "joined_position")?,
        left: rows::optional_position(row, "left_position")?,
    })
}
