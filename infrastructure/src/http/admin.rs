//! What those see and do who run the service: `/v1/admin`. What is only looked at takes a `StaffToken`, what changes anything an `AdminToken`.

mod accounts;
mod counts;
mod dead_letters;
mod events;
mod lag;
mod mail;
mod roles;
mod sessions;

pub(super) use accounts::Accounts;
pub(super) use counts::Counts;
pub(super) use dead_letters::DeadLetters;
pub(super) use events::Events;
pub(super) use lag::Lag;
pub(super) use mail::Mail;
pub(super) use roles::Roles;
pub(super) use sessions::Sessions;

use poem_openapi::Enum;
use posthaste_domain::user;

/// What a user is to the service.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[oai(remote = "user::ServiceRole", rename_all = "snake_case")]
enum ServiceRole {
    /// Runs it.
    Admin,
    /// Looks on.
    Auditor,
}

/// Why somebody is suspended.
#[derive(Clone, Copy, Enum)]
#[oai(remote = "user::SuspensionReason", rename_all = "snake_case")]
enum SuspensionReason {
    /// They send what nobody asked for.
    Spam,
    /// They harm others.
    Abuse,
    /// Somebody else has their password.
    Compromised,
    /// The law asks for it.
    Legal,
    /// They asked for it themselves.
    Requested,
}
