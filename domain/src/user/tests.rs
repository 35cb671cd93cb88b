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

fn revoke(session: u128) -> UserCommand {
    UserCommand::RevokeSession { user: UserId::new(Uuid::from_u128(1)), session: SessionId::new(Uuid::from_u128(session)) }
}

#[test]
fn a_session_is_revoked_once_and_the_others_stand() {
    let mut user = User::replay(&User::default().decide(register()).unwrap()).unwrap();
    let [one, other] = [7, 8].map(|session| SessionId::new(Uuid::from_u128(session)));
    let events = user.decide(revoke(7)).unwrap();
    assert_eq!(events, [UserEvent::SessionRevoked { user: UserId::new(Uuid::from_u128(1)), session: one }]);
    user.apply(&events[0]).unwrap();
    assert!(user.has_revoked(one) && !user.has_revoked(other));
    assert_eq!(user.decide(revoke(7)), Ok(vec![]), "it is so already");
    assert!(user.apply(&events[0]).is_err(), "a second time in a stream is corruption");
    assert!(user.has_revoked(one));
}

#[test]
fn nobody_has_no_sessions_to_revoke() {
    assert_eq!(User::default().decide(revoke(7)), Err(UserRefusal::UnknownUser));
    assert!(
        User::default()
            .apply(&UserEvent::SessionRevoked { user: UserId::new(Uuid::from_u128(1)), session: SessionId::new(Uuid::nil()) })
            .is_err()
    );
}

fn set(presence: Circle, last_seen: Circle, read_receipts: bool) -> UserCommand {
    UserCommand::SetPrivacy { user: UserId::new(Uuid::from_u128(1)), privacy: Privacy { presence, last_seen, read_receipts } }
}

#[test]
fn privacy_is_for_friends_until_it_is_set_and_setting_it_again_is_nothing() {
    let mut user = User::replay(&User::default().decide(register()).unwrap()).unwrap();
    assert_eq!(user.privacy(), Privacy { presence: Circle::Friends, last_seen: Circle::Friends, read_receipts: true });
    assert_eq!(user.decide(set(Circle::Friends, Circle::Friends, true)), Ok(vec![]));

    let invisible = set(Circle::Nobody, Circle::Everyone, false);
    let events = user.decide(invisible.clone()).unwrap();
    let (user_id, presence, last_seen) = (UserId::new(Uuid::from_u128(1)), Circle::Nobody, Circle::Everyone);
    assert_eq!(events, [UserEvent::PrivacySet { user: user_id, presence, last_seen, read_receipts: false }]);
    user.apply(&events[0]).unwrap();
    assert_eq!(user.privacy(), Privacy { presence, last_seen, read_receipts: false });
    assert_eq!(user.decide(invisible), Ok(vec![]));
}

#[test]
fn nobody_has_no_privacy_to_set() {
    assert_eq!(User::default().decide(set(Circle::Nobody, Circle::Nobody, true)), Err(UserRefusal::UnknownUser));
    let user = UserId::new(Uuid::from_u128(1));
    let event = UserEvent::PrivacySet { user, presence: Circle::Nobody, last_seen: Circle::Nobody, read_receipts: true };
    assert!(User::replay([&event]).is_err());
}

#[test]
fn a_circle_has_everybody_in_it_or_friends_or_nobody() {
    let includes = |circle: Circle| [circle.includes(true), circle.includes(false)];
    assert_eq!([Circle::Everyone, Circle::Friends, Circle::Nobody].map(includes), [[true, true], [true, false], [false, false]]);
}
