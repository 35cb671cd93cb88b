use super::*;
use crate::event::Personal;
use crate::text::Description;

fn titled(text: &str) -> SettingsChanges {
    SettingsChanges { title: Some(title(text)), ..SettingsChanges::default() }
}

fn at_revision(revision: u32, text: &str) -> ThreadCommand {
    ThreadCommand::Update { by: user(OWNER), revision: Some(revision), changes: titled(text) }
}

#[test]
fn an_update_carries_all_settings_as_they_are_now() {
    let changes = SettingsChanges {
        history: Some(History::All),
        passcode: Some(Some(passcode(5))),
        description: Some(Some(Description::parse("all about it").unwrap())),
        ..SettingsChanges::default()
    };
    let updated = ThreadEvent::Updated {
        thread: thread(),
        by: user(ADMIN),
        revision: 2,
        visibility: Visibility::Public,
        history: History::All,
        passcode: Some(passcode(5)),
        content: Personal::Known(Appearance {
            title: title("rust"),
            description: Some(Description::parse("all about it").unwrap()),
            avatar: None,
        }),
    };
    assert_eq!(public().ask(update(ADMIN, changes)), Ok(vec![updated]));
}

#[test]
fn what_is_absent_stays_and_what_is_null_goes() {
    let described = SettingsChanges {
        description: Some(Some(Description::parse("all about it").unwrap())),
        passcode: Some(Some(passcode(5))),
        ..SettingsChanges::default()
    };
    let mut live = public().and(update(OWNER, described)).and(update(OWNER, titled("go")));
    let glance = live.state.member(user(OWNER)).unwrap();
    assert_eq!((glance.passcode, glance.revision), (Some(passcode(5)), 3));
    assert!(glance.appearance.is_some_and(|appearance| appearance.title == title("go") && appearance.description.is_some()));
    live.ask(update(OWNER, SettingsChanges { description: Some(None), passcode: Some(None), ..SettingsChanges::default() })).unwrap();
    let glance = live.state.member(user(OWNER)).unwrap();
    assert_eq!(glance.passcode, None);
    assert!(glance.appearance.is_some_and(|appearance| appearance.title == title("go") && appearance.description.is_none()));
    live.replays();
}

#[test]
fn an_update_that_changes_nothing_is_none() {
    assert_eq!(group().ask(update(OWNER, SettingsChanges::default())), Ok(vec![]));
    assert_eq!(group().ask(update(OWNER, titled("rust"))), Ok(vec![]));
}

#[test]
fn an_update_can_name_the_revision_it_is_meant_for() {
    assert!(group().ask(at_revision(1, "go")).is_ok());
    assert_eq!(group().ask(at_revision(2, "go")), Err(ThreadRefusal::RevisionMismatch));
    assert_eq!(group().and(update(OWNER, titled("go"))).ask(at_revision(1, "zig")), Err(ThreadRefusal::RevisionMismatch));
}

#[test]
fn a_group_does_not_become_public() {
    let public = || SettingsChanges { visibility: Some(Visibility::Public), ..SettingsChanges::default() };
    assert_eq!(group().ask(update(OWNER, public())), Err(ThreadRefusal::OnlyChannelsArePublic));
    assert!(shared(SharedKind::Channel, Visibility::Private).ask(update(OWNER, public())).is_ok());
}

#[test]
fn an_erased_appearance_is_made_anew_by_a_title() {
    let mut live = group();
    let ThreadEvent::Created { content, .. } = &mut live.log[0] else { panic!("created first") };
    *content = Personal::Erased;
    let erased = Thread::replay(&live.log).unwrap();
    assert_eq!(erased.member(user(OWNER)).unwrap().appearance, None);
    let described = SettingsChanges { description: Some(Some(Description::parse("lost").unwrap())), ..SettingsChanges::default() };
    assert_eq!(erased.decide(update(OWNER, described)), Ok(vec![]), "there is nothing to describe");
    assert_eq!(erased.decide(update(OWNER, titled("go"))).map(|events| events.len()), Ok(1));
}
