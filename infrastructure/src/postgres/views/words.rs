//! The words that stand in the tables for kinds and states, both ways.

use posthaste_application::port::PortError;
use posthaste_application::view::FriendState;
use posthaste_domain::thread::{Role, ThreadKind};
use posthaste_domain::user::Circle;

pub(super) const fn friend_state(state: FriendState) -> &'static str {
    match state {
        FriendState::Friend => "friend",
        FriendState::Received => "received",
        FriendState::Sent => "sent",
        FriendState::Blocked => "blocked",
    }
}

pub(super) const fn circle(circle: Circle) -> &'static str {
    match circle {
        Circle::Everyone => "everyone",
        Circle::Friends => "friends",
        Circle::Nobody => "nobody",
    }
}

pub(super) fn parse_circle(word: &str) -> Result<Circle, PortError> {
    [Circle::Everyone, Circle::Friends, Circle::Nobody].into_iter().find(|one| circle(*one) == word).ok_or_else(|| unknown("circle", word))
}

pub(super) const fn kind(kind: ThreadKind) -> &'static str {
    match kind {
        ThreadKind::Direct => "direct",
        ThreadKind::Group => "group",
        ThreadKind::Channel => "channel",
    }
}

pub(super) fn parse_kind(word: &str) -> Result<ThreadKind, PortError> {
    let kinds = [ThreadKind::Direct, ThreadKind::Group, ThreadKind::Channel];
    kinds.into_iter().find(|one| kind(*one) == word).ok_or_else(|| unknown("kind", word))
}

pub(super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Admin => "admin",
        Role::Owner => "owner",
    }
}

pub(super) fn parse_role(word: &str) -> Result<Role, PortError> {
    [Role::Member, Role::Admin, Role::Owner].into_iter().find(|one| role(*one) == word).ok_or_else(|| unknown("role", word))
}

fn unknown(column: &'static str, word: &str) -> PortError {
    PortError::corrupt(column, format!("there is no {column} {word:?}"))
}
