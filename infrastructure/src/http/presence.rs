use chrono::{DateTime, Utc};
use poem_openapi::param::Query;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::presence::{Shown, shown_to};
use posthaste_application::problem::{Code, Problem};
use posthaste_application::view::{FriendState, Page, ViewName};
use posthaste_domain::UserId;
use uuid::Uuid;

use super::Tag;
use super::answer::Answer;
use super::auth::AccessToken;
use super::call::Call;
use super::example;
use super::page::Items;
use super::problem::{ApiError, Failed, failures};

/// Most users that are asked about at once.
const MOST: usize = 100;
/// Most friends that are looked at.
const FRIENDS: usize = 1_000;

pub(super) struct Presence;

/// Whether somebody is online, as far as one may know. Whoever may not be seen is offline.
#[derive(Object)]
#[oai(example, rename = "Presence")]
struct There {
    /// The user.
    user: Uuid,
    /// Whether they are online.
    online: bool,
    /// When they were online last: to the minute for friends, to the hour for others. Null while they are, and when it is not shown.
    last_seen: Option<DateTime<Utc>>,
}

impl Example for There {
    fn example() -> Self {
        Self { user: example::BOB, online: false, last_seen: Some(example::noon()) }
    }
}

impl From<Shown> for There {
    fn from(Shown { user, online, last_seen }: Shown) -> Self {
        Self { user: user.uuid(), online, last_seen }
    }
}

failures! { AskFailures = BEARER VIEW }
failures! { FriendsFailures = BEARER VIEW }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Friends")]
impl Presence {
    /// See who is online
    ///
    /// In the order asked. Friends see each other unless their privacy says otherwise; two of whom one has blocked the other never do. To be
    /// told of changes, `watch` them over a socket.
    #[oai(path = "/presence", method = "get", operation_id = "get_presence")]
    async fn ask(
        &self,
        token: AccessToken,
        call: Call,
        /// Who: up to 100 ids, separated by commas.
        users: Query<String>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<There>>, Failed<AskFailures>> {
        let users = ids(&users.0)?;
        call.reached(&[ViewName::People], after.0).await?;
        let ports = &call.app.ports;
        let shown = shown_to(token.0.user, &users, &*ports.presence, &*ports.views).await?;
        Ok(Items::all(shown.into_iter().map(There::from).collect()).into())
    }

    /// See which friends are online
    ///
    /// The latest friendship first; of more than 1,000 friends, the latest 1,000 are looked at.
    #[oai(path = "/friends/presence", method = "get", operation_id = "list_friends_online")]
    async fn friends(
        &self,
        token: AccessToken,
        call: Call,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<There>>, Failed<FriendsFailures>> {
        call.reached(&[ViewName::People], after.0).await?;
        let (user, ports) = (token.0.user, &call.app.ports);
        let friends = ports.views.friends(user, FriendState::Friend, Page { before: None, limit: FRIENDS }).await?;
        let friends: Vec<_> = friends.into_iter().map(|friend| friend.person.user).collect();
        let shown = shown_to(user, &friends, &*ports.presence, &*ports.views).await?;
        Ok(Items::all(shown.into_iter().filter(|shown| shown.online).map(There::from).collect()).into())
    }
}

fn ids(users: &str) -> Result<Vec<UserId>, ApiError> {
    let wrong = || Problem::with(Code::Validation, format!("`users` must be 1 to {MOST} ids, separated by commas"));
    let mut ids = Vec::new();
    for id in users.split(',') {
        if ids.len() == MOST {
            return Err(wrong().into());
        }
        ids.push(id.trim().parse().map_err(|_| wrong())?);
    }
    Ok(ids)
}
