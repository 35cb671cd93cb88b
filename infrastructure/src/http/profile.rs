//! How users are seen by others, read from their streams.

use poem_openapi::Object;
use poem_openapi::types::Example;
use posthaste_application::recorded::StreamId;
use posthaste_application::view::Person;
use posthaste_domain::user::UserEvent;
use posthaste_domain::{Category, Event, UserId};
use uuid::Uuid;

use super::App;
use super::example;
use super::problem::ApiError;

/// A user's stream is registered once and renamed seldom.
const EVENTS: usize = 512;

/// A user as others see them.
#[derive(Object)]
#[oai(rename = "User", example)]
pub(super) struct Shown {
    /// The user.
    pub(super) id: Uuid,
    /// The unique handle; null when it was erased.
    pub(super) username: Option<String>,
    /// The name beside it; null when it was erased.
    pub(super) display_name: Option<String>,
}

impl Example for Shown {
    fn example() -> Self {
        Self { id: example::ALICE, username: Some("alice".to_owned()), display_name: Some("Alice Ashgrove".to_owned()) }
    }
}

/// Bob, whom Alice meets in the examples.
pub(super) fn bob() -> Shown {
    Shown { id: example::BOB, username: Some("bob".to_owned()), display_name: Some("Bob Birch".to_owned()) }
}

impl From<Person> for Shown {
    fn from(Person { user, username, display_name, .. }: Person) -> Self {
        Self { id: user.uuid(), username, display_name }
    }
}

impl Shown {
    /// The user as the log has them; `None` when nobody is registered there.
    pub(super) async fn find(app: &App, user: UserId) -> Result<Option<Self>, ApiError> {
        let stream = StreamId { category: Category::User, id: user.uuid() };
        let mut shown = None;
        for recorded in app.ports.log.read_stream(stream, 0, EVENTS).await? {
            match recorded.event()?.clone() {
                Event::User(UserEvent::Registered { content, .. }) => {
                    let profile = content.known();
                    shown = Some(Self {
                        id: user.uuid(),
                        username: profile.map(|profile| profile.username.as_str().to_owned()),
                        display_name: profile.map(|profile| profile.display_name.as_str().to_owned()),
                    });
                }
                Event::User(UserEvent::Erased { .. }) => shown = Some(Self { id: user.uuid(), username: None, display_name: None }),
                Event::User(
                    UserEvent::PrivacySet { .. }
                    | UserEvent::SessionRevoked { .. }
                    | UserEvent::EmailVerified { .. }
                    | UserEvent::RoleGranted { .. }
                    | UserEvent::RoleWithdrawn { .. }
                    | UserEvent::Suspended { .. }
                    | UserEvent::Reinstated { .. }
                    | UserEvent::TwoFactorEnabled { .. }
                    | UserEvent::TwoFactorDisabled { .. }
                    | UserEvent::DeletionRequested { .. }
                    | UserEvent::DeletionCancelled { .. },
                )
                | Event::Claim(_)
                | Event::Friendship(_)
                | Event::Thread(_)
                | Event::Message(_)
                | Event::Subscription(_)
                | Event::Operation(_) => {}
            }
        }
        Ok(shown)
    }
}
