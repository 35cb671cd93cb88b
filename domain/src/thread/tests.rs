mod board;
mod creating;
mod direct;
mod inviting;
mod looking;
mod members;
mod permissions;
mod random;
mod settings;

use uuid::Uuid;

use super::*;
use crate::friendship::{DirectPermit, DirectPolicy, Friendship};
use crate::id::PasscodeId;
use crate::testing::{Live, given, minute, user};
use crate::text::Title;

const OWNER: u128 = 1;
const ADMIN: u128 = 2;
const MEMBER: u128 = 3;
const OUTSIDER: u128 = 4;

fn thread() -> ThreadId {
    ThreadId::new(Uuid::from_u128(99))
}

fn invite_id(n: u128) -> InviteId {
    InviteId::new(Uuid::from_u128(n))
}

fn passcode(n: u128) -> PasscodeId {
    PasscodeId::new(Uuid::from_u128(n))
}

fn title(text: &str) -> Title {
    Title::parse(text).unwrap()
}

fn permit(one: u128, other: u128) -> DirectPermit {
    let pair = crate::testing::pair(one, other);
    Friendship::default().direct(pair, DirectPolicy::Anyone).unwrap()
}

fn opened() -> Live<Thread> {
    given([ThreadCommand::OpenDirect { permit: permit(1, 2), by: user(1) }])
}

fn create(kind: SharedKind, visibility: Visibility, members: impl IntoIterator<Item = u128>) -> ThreadCommand {
    ThreadCommand::Create {
        thread: thread(),
        by: user(OWNER),
        kind,
        members: members.into_iter().map(user).collect(),
        visibility,
        history: History::Joined,
        appearance: Appearance { title: title("rust"), description: None, avatar: None },
    }
}

/// Of 1, who owns it, 2, an admin, and 3.
fn shared(kind: SharedKind, visibility: Visibility) -> Live<Thread> {
    given([create(kind, visibility, [ADMIN, MEMBER]), change_role(OWNER, ADMIN, Role::Admin)])
}

fn group() -> Live<Thread> {
    shared(SharedKind::Group, Visibility::Private)
}

fn public() -> Live<Thread> {
    shared(SharedKind::Channel, Visibility::Public)
}

fn add(by: u128, users: impl IntoIterator<Item = u128>) -> ThreadCommand {
    ThreadCommand::AddMembers { by: user(by), users: users.into_iter().map(user).collect() }
}

fn join(by: u128) -> ThreadCommand {
    join_with(by, None, None, 0)
}

fn join_with(by: u128, invite: Option<u128>, code: Option<u128>, at: i64) -> ThreadCommand {
    ThreadCommand::Join { user: user(by), invite: invite.map(invite_id), passcode: code.map(passcode), at: minute(at) }
}

fn leave(by: u128) -> ThreadCommand {
    ThreadCommand::Leave { user: user(by) }
}

fn remove(by: u128, whom: u128) -> ThreadCommand {
    ThreadCommand::Remove { by: user(by), user: user(whom) }
}

fn change_role(by: u128, whom: u128, role: Role) -> ThreadCommand {
    ThreadCommand::ChangeRole { by: user(by), user: user(whom), role }
}

fn transfer(by: u128, to: u128) -> ThreadCommand {
    ThreadCommand::TransferOwnership { by: user(by), to: user(to) }
}

fn ban(by: u128, whom: u128) -> ThreadCommand {
    ThreadCommand::Ban { by: user(by), user: user(whom) }
}

fn unban(by: u128, whom: u128) -> ThreadCommand {
    ThreadCommand::Unban { by: user(by), user: user(whom) }
}

/// From minute 0 to minute 60.
fn invite(by: u128, id: u128, whom: u128) -> ThreadCommand {
    ThreadCommand::Invite { by: user(by), invite: invite_id(id), user: user(whom), at: minute(0), expires_at: minute(60) }
}

/// From minute 0 to minute 60.
fn link(by: u128, id: u128, max_uses: Option<u32>) -> ThreadCommand {
    ThreadCommand::CreateLink { by: user(by), invite: invite_id(id), at: minute(0), expires_at: minute(60), max_uses }
}

fn end_invite(by: u128, id: u128) -> ThreadCommand {
    ThreadCommand::EndInvite { by: user(by), invite: invite_id(id) }
}

fn update(by: u128, changes: SettingsChanges) -> ThreadCommand {
    ThreadCommand::Update { by: user(by), revision: None, changes }
}

fn pin(by: u128, n: u128) -> ThreadCommand {
    ThreadCommand::Pin { by: user(by), message: crate::testing::message(n) }
}

fn unpin(by: u128, n: u128) -> ThreadCommand {
    ThreadCommand::Unpin { by: user(by), message: crate::testing::message(n) }
}

/// Messages, each with its author.
fn delete_messages(by: u128, messages: impl IntoIterator<Item = (u128, u128)>) -> ThreadCommand {
    let messages = messages.into_iter().map(|(message, author)| (crate::testing::message(message), user(author))).collect();
    ThreadCommand::DeleteMessages { by: user(by), messages }
}

fn delete(by: u128) -> ThreadCommand {
    ThreadCommand::Delete { by: user(by) }
}

fn joined(by: u128, invite: Option<u128>) -> Vec<ThreadEvent> {
    vec![ThreadEvent::Joined { thread: thread(), user: user(by), invite: invite.map(invite_id) }]
}
