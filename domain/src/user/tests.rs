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

#[test]
fn an_address_is_verified_once() {
    let mut user = registered();
    assert!(!user.has_verified_email());
    let events = user.decide(UserCommand::VerifyEmail { user: alice() }).unwrap();
    assert_eq!(events, [UserEvent::EmailVerified { user: alice() }]);
    user.apply(&events[0]).unwrap();
    assert!(user.has_verified_email());
    assert_eq!(user.decide(UserCommand::VerifyEmail { user: alice() }), Ok(vec![]), "it is so already");
    assert!(user.apply(&events[0]).is_err(), "a second time in a stream is corruption");
}

#[test]
fn a_second_factor_is_switched_on_and_off_and_said_once() {
    let id = UserId::new(Uuid::from_u128(1));
    let switch = |enabled| UserCommand::SetTwoFactor { user: id, enabled };
    let mut user = User::replay(&User::default().decide(register()).unwrap()).unwrap();
    for (enabled, event) in [(true, UserEvent::TwoFactorEnabled { user: id }), (false, UserEvent::TwoFactorDisabled { user: id })] {
        assert_eq!(user.decide(switch(!enabled)), Ok(vec![]), "it is so already");
        assert_eq!(user.decide(switch(enabled)), Ok(vec![event.clone()]));
        user.apply(&event).unwrap();
        assert_eq!(user.account().map(|account| account.two_factor), Some(enabled));
        assert!(user.apply(&event).is_err(), "a second time in a row is corruption");
    }
    assert_eq!(User::default().decide(switch(true)), Err(UserRefusal::UnknownUser));
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

fn registered() -> User {
    User::replay(&User::default().decide(register()).unwrap()).unwrap()
}

/// A user after these, each of which leads to one event.
fn after(commands: impl IntoIterator<Item = UserCommand>) -> User {
    let mut user = registered();
    for command in commands {
        let events = user.decide(command).unwrap();
        assert_eq!(events.len(), 1);
        user.apply(&events[0]).unwrap();
        // But for what is set to something, a second time in a stream is corruption.
        let is_set = matches!(events[0], UserEvent::PrivacySet { .. });
        assert_eq!(user.clone().apply(&events[0]).is_ok(), is_set, "{events:?}");
    }
    user
}

const SERVER: AdminPermit = AdminPermit::of_the_server();

fn alice() -> UserId {
    UserId::new(Uuid::from_u128(1))
}

fn grant(role: ServiceRole) -> UserCommand {
    UserCommand::GrantRole { permit: SERVER, user: alice(), role }
}

fn withdraw(permit: AdminPermit, role: ServiceRole) -> UserCommand {
    UserCommand::WithdrawRole { permit, user: alice(), role }
}

fn suspend(permit: AdminPermit) -> UserCommand {
    UserCommand::Suspend { permit, user: alice(), reason: Some(SuspensionReason::Spam) }
}

fn reinstate() -> UserCommand {
    UserCommand::Reinstate { permit: SERVER, user: alice() }
}

#[test]
fn only_an_admin_who_is_not_suspended_may_run_the_service() {
    assert_eq!(User::default().admin(alice()), Err(UserRefusal::NotAnAdmin));
    assert_eq!(registered().admin(alice()), Err(UserRefusal::NotAnAdmin));
    assert_eq!(after([grant(ServiceRole::Auditor)]).admin(alice()), Err(UserRefusal::NotAnAdmin));
    assert_eq!(after([grant(ServiceRole::Admin)]).admin(alice()).map(AdminPermit::by), Ok(Some(alice())));
    let suspended = [grant(ServiceRole::Admin), suspend(SERVER)];
    assert_eq!(after(suspended.clone()).admin(alice()), Err(UserRefusal::Suspended));
    assert!(after(suspended.into_iter().chain([reinstate()])).admin(alice()).is_ok());
    assert_eq!(after([grant(ServiceRole::Admin), withdraw(SERVER, ServiceRole::Admin)]).admin(alice()), Err(UserRefusal::NotAnAdmin));
}

#[test]
fn a_role_is_granted_and_withdrawn_once() {
    let admin = after([grant(ServiceRole::Admin)]);
    assert_eq!(admin.decide(grant(ServiceRole::Admin)), Ok(vec![]));
    assert_eq!(admin.decide(withdraw(SERVER, ServiceRole::Auditor)), Ok(vec![]));
    assert!(after([grant(ServiceRole::Admin), grant(ServiceRole::Auditor)]).has_role(ServiceRole::Auditor));
    assert!(after([grant(ServiceRole::Admin), withdraw(SERVER, ServiceRole::Admin)]).account().unwrap().roles.is_empty());
}

#[test]
fn an_admin_cannot_stop_being_one_by_themselves_in_any_way() {
    let admin = after([grant(ServiceRole::Admin), grant(ServiceRole::Auditor)]);
    let own = admin.admin(alice()).unwrap();
    assert_eq!(admin.decide(withdraw(own, ServiceRole::Admin)), Err(UserRefusal::Oneself));
    assert_eq!(admin.decide(suspend(own)), Err(UserRefusal::Oneself));
    assert_eq!(admin.decide(withdraw(own, ServiceRole::Auditor)).unwrap().len(), 1);
    let anothers = admin.admin(UserId::new(Uuid::from_u128(2))).unwrap();
    assert_eq!(admin.decide(withdraw(anothers, ServiceRole::Admin)).unwrap().len(), 1);
    assert_eq!(admin.decide(suspend(anothers)).unwrap().len(), 1);
}

#[test]
fn a_suspension_lasts_until_it_is_ended_and_everything_else_is_kept() {
    let before = after([grant(ServiceRole::Auditor), revoke(7), set(Circle::Nobody, Circle::Nobody, false)]);
    assert_eq!(before.active(), Ok(()));
    assert_eq!(before.decide(reinstate()), Ok(vec![]));
    let commands = [grant(ServiceRole::Auditor), revoke(7), set(Circle::Nobody, Circle::Nobody, false), suspend(SERVER)];
    let suspended = after(commands.clone());
    assert_eq!(suspended.active(), Err(UserRefusal::Suspended));
    assert_eq!(suspended.decide(suspend(SERVER)), Ok(vec![]), "it is so already, for whatever reason");
    assert_eq!(after(commands.into_iter().chain([reinstate()])), before);
}

fn erase(permit: AdminPermit) -> UserCommand {
    UserCommand::Erase { permit, user: alice() }
}

#[test]
fn whoever_is_erased_does_nothing_any_more_and_nothing_is_done_with_them() {
    let erased = after([grant(ServiceRole::Admin), erase(SERVER)]);
    assert_eq!((erased.active(), erased.unerased(), erased.is_barred()), (Err(UserRefusal::Erased), Err(UserRefusal::Erased), true));
    assert_eq!(erased.admin(alice()), Err(UserRefusal::Erased));
    assert_eq!(erased.decide(erase(SERVER)), Ok(vec![]), "it is so already");
    for command in [revoke(7), set(Circle::Nobody, Circle::Nobody, false), suspend(SERVER), reinstate(), grant(ServiceRole::Auditor)] {
        assert_eq!(erased.decide(command), Err(UserRefusal::Erased));
    }
    assert_eq!(erased.registered(), Ok(()), "there was somebody");
    assert_eq!(after([suspend(SERVER), erase(SERVER)]).active(), Err(UserRefusal::Erased));
}

#[test]
fn an_admin_cannot_erase_themselves() {
    let admin = after([grant(ServiceRole::Admin)]);
    assert_eq!(admin.decide(erase(admin.admin(alice()).unwrap())), Err(UserRefusal::Oneself));
    assert_eq!(admin.decide(erase(admin.admin(UserId::new(Uuid::from_u128(2))).unwrap())).unwrap().len(), 1);
}

#[test]
fn whoever_ends_a_login_of_another_does_what_they_would_do_themselves() {
    let ends = UserCommand::EndSession { permit: SERVER, user: alice(), session: SessionId::new(Uuid::from_u128(7)) };
    assert_eq!(registered().decide(ends.clone()), registered().decide(revoke(7)));
    assert_eq!(after([revoke(7)]).decide(ends), Ok(vec![]));
}

#[test]
fn nothing_is_done_to_nobody() {
    let session = SessionId::new(Uuid::nil());
    let ends = UserCommand::EndSession { permit: SERVER, user: alice(), session };
    let verify = UserCommand::VerifyEmail { user: alice() };
    let (grant, withdraw) = (grant(ServiceRole::Admin), withdraw(SERVER, ServiceRole::Admin));
    for command in [ends, verify, grant, withdraw, suspend(SERVER), reinstate(), erase(SERVER)] {
        assert_eq!(User::default().decide(command), Err(UserRefusal::UnknownUser));
    }
    for event in [
        UserEvent::EmailVerified { user: alice() },
        UserEvent::RoleGranted { user: alice(), role: ServiceRole::Admin },
        UserEvent::RoleWithdrawn { user: alice(), role: ServiceRole::Admin },
        UserEvent::Suspended { user: alice(), reason: None },
        UserEvent::Reinstated { user: alice() },
        UserEvent::Erased { user: alice() },
    ] {
        assert!(User::replay([&event]).is_err(), "{event:?}");
        assert_eq!(event.audience(), crate::audience::Audience::users([alice()]));
    }
}

fn day(day: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(86_400 * day, 0).unwrap()
}

fn leave(at: i64) -> UserCommand {
    UserCommand::RequestDeletion { user: alice(), final_at: day(at) }
}

fn complete(at: i64) -> UserCommand {
    UserCommand::CompleteDeletion { permit: SERVER, user: alice(), at: day(at) }
}

#[test]
fn whoever_leaves_may_think_better_of_it_until_they_are_erased() {
    let user = registered();
    assert_eq!(user.decide(complete(99)), Err(UserRefusal::NotDue), "nobody is erased who did not ask");
    let leaving = after([leave(14)]);
    assert_eq!((leaving.leaving(), leaving.is_barred()), (Some(day(14)), true));
    assert_eq!((leaving.active(), leaving.unsuspended()), (Err(UserRefusal::Leaving), Ok(())));
    assert_eq!((leaving.staying(), user.staying()), (Err(UserRefusal::UnknownUser), Ok(())));
    assert_eq!(leaving.decide(leave(20)), Ok(vec![]), "the date that was told stands");
    assert_eq!(leaving.decide(complete(13)), Err(UserRefusal::NotDue));
    assert_eq!(leaving.decide(complete(14)), Ok(vec![UserEvent::Erased { user: alice() }]));

    let back = after([leave(14), UserCommand::CancelDeletion { user: alice() }]);
    assert_eq!((back.leaving(), back.active()), (None, Ok(())));
    assert_eq!(back.decide(complete(14)), Err(UserRefusal::NotDue), "nobody is erased who has cancelled");
    assert_eq!(back.decide(UserCommand::CancelDeletion { user: alice() }), Ok(vec![]));

    let gone = after([leave(14), complete(14)]);
    assert_eq!((gone.leaving(), gone.is_erased()), (None, true));
    assert_eq!(gone.decide(UserCommand::CancelDeletion { user: alice() }), Err(UserRefusal::Erased), "it is too late");
    assert_eq!(gone.decide(complete(15)), Ok(vec![]), "once");
}

#[test]
fn a_suspension_goes_before_leaving_and_an_admin_stays() {
    let both = after([leave(14), suspend(SERVER)]);
    assert_eq!((both.active(), both.unsuspended()), (Err(UserRefusal::Suspended), Err(UserRefusal::Suspended)));
    assert_eq!(both.decide(complete(14)), Ok(vec![UserEvent::Erased { user: alice() }]), "what was asked for is done");
    let admin = after([UserCommand::GrantRole { permit: SERVER, user: alice(), role: ServiceRole::Admin }]);
    assert_eq!(admin.decide(leave(14)), Err(UserRefusal::Oneself));
}
