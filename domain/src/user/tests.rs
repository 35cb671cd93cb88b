use uuid::Uuid;

use super::*;
use crate::event::Personal;
use crate::text::{DisplayName, Username};

fn profile() -> Profile {
    Profile { username: Username::parse("alice").unwrap(), display_name: DisplayName::parse("Alice").unwrap() }
}

fn register() -> UserCommand {
    UserCommand::Register { user: UserId::new(Uuid::from_u128(1)), profile: profile() }
}

#[test]
fn registering_tells_who_and_how_they_are_seen() {
    let events = User::default().decide(register()).unwrap();
    assert_eq!(events, [UserEvent::Registered { user: UserId::new(Uuid::from_u128(1)), content: Personal::Known(profile()) }]);
}

#[test]
fn registering_twice_is_refused() {
    let registered = User::replay(&User::default().decide(register()).unwrap()).unwrap();
    assert_eq!(registered.decide(register()), Err(UserRefusal::AlreadyRegistered));
}

#[test]
fn a_second_registration_in_a_stream_is_corruption() {
    let events = User::default().decide(register()).unwrap();
    assert!(User::replay(events.iter().chain(&events)).is_err());
}
