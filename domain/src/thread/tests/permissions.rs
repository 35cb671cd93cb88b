use super::*;

const KINDS: [ThreadKind; 3] = [ThreadKind::Group, ThreadKind::Channel, ThreadKind::Direct];
const ROLES: [Role; 3] = [Role::Owner, Role::Admin, Role::Member];

/// For each action: group, channel, direct; in each: owner, admin, member. In a direct thread both are members.
const TABLE: [(Action, &str); 15] = [
    (Action::Post, "yyy yyn yyy"),
    (Action::React, "yyy yyy yyy"),
    (Action::Leave, "yyy yyy nnn"),
    (Action::Pin, "yyn yyn yyy"),
    (Action::DeleteOthers, "yyn yyn nnn"),
    (Action::Update, "yyn yyn nnn"),
    (Action::AddMembers, "yyn yyn nnn"),
    (Action::InvitePerson, "yyy yyn nnn"),
    (Action::ManageInvites, "yyn yyn nnn"),
    (Action::Remove, "yyn yyn nnn"),
    (Action::Ban, "yyn yyn nnn"),
    (Action::Unban, "yyn yyn nnn"),
    (Action::ChangeRole, "ynn ynn nnn"),
    (Action::TransferOwnership, "ynn ynn nnn"),
    (Action::Delete, "ynn ynn nnn"),
];

#[test]
fn every_cell_of_the_table_is_as_it_is_written() {
    let written = TABLE.map(|(action, row)| (action, row.to_owned()));
    let held = TABLE.map(|(action, _)| {
        let cells = |kind: ThreadKind| ROLES.map(|role| if allows(kind, role, action) { 'y' } else { 'n' }).iter().collect::<String>();
        (action, KINDS.map(cells).join(" "))
    });
    assert_eq!(held, written);
    assert_eq!(TABLE.map(|(action, _)| action), Action::ALL, "every action has its row");
}

/// A command for the action that only the actor's role can refuse. Posting and reacting are no commands of a thread.
fn asks(action: Action, by: u128) -> Option<ThreadCommand> {
    let command = match action {
        Action::Post | Action::React => return None,
        Action::Leave => leave(by),
        Action::Pin => pin(by, 1),
        Action::DeleteOthers => delete_messages(by, [(1, 7)]),
        Action::Update => update(by, SettingsChanges { title: Some(title("other")), ..SettingsChanges::default() }),
        Action::AddMembers => add(by, [OUTSIDER]),
        Action::InvitePerson => invite(by, 1, OUTSIDER),
        Action::ManageInvites => link(by, 1, None),
        Action::Remove => remove(by, 7),
        Action::Ban => ban(by, 7),
        Action::Unban => unban(by, 8),
        Action::ChangeRole => change_role(by, 7, Role::Admin),
        Action::TransferOwnership => transfer(by, 7),
        Action::Delete => delete(by),
    };
    Some(command)
}

/// 1 owns it, 2 is an admin, 3 and 7 are members, 8 is banned.
fn peopled(kind: SharedKind) -> Thread {
    shared(kind, Visibility::Private).and(add(OWNER, [7])).and(ban(OWNER, 8)).state
}

#[test]
fn every_command_asks_the_table() {
    for (kind, state) in [(ThreadKind::Group, peopled(SharedKind::Group)), (ThreadKind::Channel, peopled(SharedKind::Channel))] {
        for (by, role) in [(OWNER, Role::Owner), (ADMIN, Role::Admin), (MEMBER, Role::Member)] {
            for action in Action::ALL {
                let allowed = allows(kind, role, action);
                assert_eq!(state.may(user(by), action).is_ok(), allowed, "{kind:?} {role:?} {action:?}");
                let Some(command) = asks(action, by) else { continue };
                let expected = match (action, role) {
                    (Action::Leave, Role::Owner) => Err(ThreadRefusal::OwnerCannotLeave),
                    _ if allowed => Ok(1),
                    _ => Err(ThreadRefusal::NotAllowed),
                };
                assert_eq!(state.decide(command).map(|events| events.len()), expected, "{kind:?} {role:?} {action:?}");
            }
        }
    }
}

#[test]
fn posting_reacting_and_moderating_ask_the_table() {
    for (kind, state) in [(ThreadKind::Group, peopled(SharedKind::Group)), (ThreadKind::Channel, peopled(SharedKind::Channel))] {
        for (by, role) in [(OWNER, Role::Owner), (ADMIN, Role::Admin), (MEMBER, Role::Member)] {
            assert_eq!(state.admit(user(by)).is_ok(), allows(kind, role, Action::Post));
            assert!(state.react(thread(), user(by)).is_ok());
            let permit = state.moderate(thread(), user(by)).unwrap();
            assert_eq!(permit.others(), allows(kind, role, Action::DeleteOthers));
        }
    }
}

#[test]
fn in_a_direct_thread_a_command_is_allowed_or_makes_no_sense() {
    let state = opened().state;
    for action in Action::ALL {
        let allowed = allows(ThreadKind::Direct, Role::Member, action);
        assert_eq!(state.may(user(1), action), if allowed { Ok(()) } else { Err(ThreadRefusal::Direct) });
        assert_eq!(state.may(user(3), action), Err(ThreadRefusal::NotFound));
        // Who deletes what the other wrote lacks a right; the rest there is not.
        let refused = if action == Action::DeleteOthers { ThreadRefusal::NotAllowed } else { ThreadRefusal::Direct };
        let Some(command) = asks(action, 1) else { continue };
        assert_eq!(state.decide(command).map(|events| events.len()), if allowed { Ok(1) } else { Err(refused) }, "{action:?}");
        assert_eq!(state.decide(asks(action, 3).unwrap()), Err(ThreadRefusal::NotFound), "{action:?}");
    }
}

#[test]
fn whoever_is_not_in_it_is_told_as_much_as_they_may_know() {
    let invited =
        || shared(SharedKind::Group, Visibility::Private).and(add(OWNER, [7])).and(ban(OWNER, 8)).and(invite(OWNER, 70, OUTSIDER));
    let told = [
        (peopled(SharedKind::Group), ThreadRefusal::NotFound),
        (invited().state, ThreadRefusal::NotAMember),
        (public().state, ThreadRefusal::NotAMember),
        (group().and(delete(OWNER)).state, ThreadRefusal::NotFound),
        (Thread::Unopened, ThreadRefusal::NotFound),
    ];
    for (state, refusal) in told {
        for action in Action::ALL {
            assert_eq!(state.may(user(OUTSIDER), action), Err(refusal));
            let Some(command) = asks(action, OUTSIDER) else { continue };
            assert_eq!(state.decide(command), Err(refusal), "{action:?}");
        }
        assert_eq!(state.admit(user(OUTSIDER)), Err(refusal));
        assert_eq!(state.member(user(OUTSIDER)), Err(refusal));
        if state != Thread::Unopened && state != Thread::Deleted {
            assert_eq!(state.react(thread(), user(OUTSIDER)), Err(refusal));
            assert_eq!(state.moderate(thread(), user(OUTSIDER)), Err(refusal));
        }
    }
}
