//! Who is in a thread, who is kept out of it, and who is invited.

use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::view::{Ban, Earshot, Invitation, Invite, Member, MemberPage, Page};
use posthaste_domain::{InviteId, ThreadId, UserId};
use uuid::Uuid;

use super::super::super::connect::Postgres;
use super::super::super::door::{Statement, statement};
use super::super::super::rows;
use super::super::words;
use super::{appearance, bound, bounds, most, person, small};

const MEMBERS: Statement = statement!("views_members");
const EARSHOT: Statement = statement!("views_earshot");
const BANS: Statement = statement!("views_bans");
const INVITES: Statement = statement!("views_invites");
const INVITATIONS: Statement = statement!("views_invitations");

pub(in super::super) async fn members(postgres: &Postgres, thread: ThreadId, page: MemberPage) -> Result<Vec<Member>, PortError> {
    let (joined, user) = page.after.map_or((-1, Uuid::nil()), |(joined, user)| (bound(joined), user.uuid()));
    let rows = postgres.query(MEMBERS, &[&thread.uuid(), &joined, &user, &most(page.limit)]).await?;
    let member = |row| {
        Ok(Member {
            person: person(row, "user_id")?,
            role: words::parse_role(rows::value(row, "role")?)?,
            joined: rows::position(row, "joined")?,
            joined_at: rows::value(row, "joined_at")?,
        })
    };
    rows.iter().map(member).collect()
}

pub(in super::super) async fn earshot(postgres: &Postgres, asked: &[(ThreadId, UserId)], most: u32) -> Result<Vec<Earshot>, PortError> {
    let (threads, users): (Vec<_>, Vec<_>) = asked.iter().map(|(thread, user)| (thread.uuid(), user.uuid())).unzip();
    let most = i32::try_from(most).unwrap_or(i32::MAX);
    let rows = postgres.query(EARSHOT, &[&threads, &users, &most]).await?;
    let mut earshots = vec![Earshot::Nobody; asked.len()];
    for row in &rows {
        let number: i64 = rows::value(row, "number")?;
        let asked = usize::try_from(number - 1).ok().and_then(|index| earshots.get_mut(index));
        let earshot = asked.ok_or_else(|| PortError::corrupt("views_earshot", "a row that was not asked for"))?;
        let blocked: Option<Vec<Uuid>> = rows::value(row, "blocked")?;
        let reading = rows::value(row, "reading")?;
        *earshot = blocked.map_or(Earshot::TooMany, |but| Earshot::Members { but: but.into_iter().map(UserId::new).collect(), reading });
    }
    Ok(earshots)
}

pub(in super::super) async fn bans(postgres: &Postgres, thread: ThreadId, page: Page) -> Result<Vec<Ban>, PortError> {
    let (before, limit) = bounds(page);
    let rows = postgres.query(BANS, &[&thread.uuid(), &before, &limit]).await?;
    let ban = |row| {
        Ok(Ban {
            person: person(row, "user_id")?,
            by: UserId::new(rows::value(row, "by_user")?),
            since: rows::position(row, "since")?,
            since_at: rows::value(row, "since_at")?,
        })
    };
    rows.iter().map(ban).collect()
}

pub(in super::super) async fn invites(
    postgres: &Postgres,
    thread: ThreadId,
    now: DateTime<Utc>,
    page: Page,
) -> Result<Vec<Invite>, PortError> {
    let (before, limit) = bounds(page);
    let rows = postgres.query(INVITES, &[&thread.uuid(), &before, &limit, &now]).await?;
    let invite = |row| {
        Ok(Invite {
            invite: InviteId::new(rows::value(row, "invite_id")?),
            by: UserId::new(rows::value(row, "by_user")?),
            person: rows::optional(row, "user_id")?.map(|_| person(row, "user_id")).transpose()?,
            expires_at: rows::value(row, "expires_at")?,
            max_uses: rows::value::<Option<i32>>(row, "max_uses")?.map(|_| small(row, "max_uses")).transpose()?,
            uses: small(row, "uses")?,
            created: rows::position(row, "created")?,
            created_at: rows::value(row, "created_at")?,
        })
    };
    rows.iter().map(invite).collect()
}

pub(in super::super) async fn invitations(
    postgres: &Postgres,
    user: UserId,
    now: DateTime<Utc>,
    page: Page,
) -> Result<Vec<Invitation>, PortError> {
    let (before, limit) = bounds(page);
    let rows = postgres.query(INVITATIONS, &[&user.uuid(), &before, &limit, &now]).await?;
    let invitation = |row| {
        Ok(Invitation {
            invite: InviteId::new(rows::value(row, "invite_id")?),
            thread: ThreadId::new(rows::value(row, "thread_id")?),
            kind: words::parse_kind(rows::value(row, "kind")?)?,
            appearance: appearance(row)?,
            members: small(row, "members")?,
            by: person(row, "user_id")?,
            expires_at: rows::value(row, "expires_at")?,
            created: rows::position(row, "created")?,
            created_at: rows::value(row, "created_at")?,
        })
    };
    rows.iter().map(invitation).collect()
}
