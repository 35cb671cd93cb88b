//! What people want: mostly to talk, in threads they may or may not be in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::channel::mpsc::UnboundedSender;
use posthaste_application::execute::{Command, Envelope};
use posthaste_application::port::Ids as _;
use posthaste_application::recorded::Position;
use posthaste_domain::message::MessageContent;
use posthaste_domain::text::{DisplayName, Email, Emoji, MessageBody, Title, Username};
use posthaste_domain::thread::{History, Role, SharedKind, Visibility};
use posthaste_domain::user::Profile;
use posthaste_domain::{CommandId, MessageId, ThreadId, UserId};
use uuid::Uuid;

use super::device::{Request, What};
use super::world::World;

const NAMES: [&str; 5] = ["alice", "bobby", "carol", "david", "erica"];

/// Users register, befriend one another, and open a few threads, before anything goes wrong.
pub(super) async fn settle_in(world: &World) {
    for (user, name) in world.users.iter().zip(NAMES) {
        let profile = Profile { username: username(name), display_name: DisplayName::parse(name).expect("a name") };
        let email = Email::parse(&format!("{name}@example.org")).expect("an address");
        ask(world, Some(user.uuid()), None, Command::RegisterUser { profile, email }).await;
    }
    for (n, one) in world.users.iter().copied().enumerate() {
        for other in world.users[..n].iter().copied() {
            if world.schedule.roll(|dice| dice.permille(700)) {
                ask(world, None, Some(one), Command::RequestFriendship { user: other }).await;
                ask(world, None, Some(other), Command::AcceptFriendship { user: one }).await;
                ask(world, None, Some(one), Command::OpenDirect { user: other }).await;
            }
        }
    }
    let owner = world.users[0];
    for public in [false, true] {
        let create = create(world, public);
        ask(world, None, Some(owner), create).await;
    }
}

fn username(name: &str) -> Username {
    Username::parse(name).expect("a name")
}

async fn ask(world: &World, key: Option<Uuid>, actor: Option<UserId>, command: Command) {
    let Some(node) = world.some_node() else { return };
    let key = CommandId::new(key.unwrap_or_else(|| world.schedule.next()));
    let envelope = Envelope { command: key, actor, correlation: world.schedule.next(), at: node.clock.now() };
    if let Ok(executed) = node.executor.execute(envelope, command.clone()).await {
        world.learn(key, &command, executed);
    }
}

fn create(world: &World, public: bool) -> Command {
    let (channel, joined, many) = world.schedule.roll(|dice| (dice.permille(300), dice.permille(500), dice.index(3)));
    Command::CreateThread {
        kind: if public || channel { SharedKind::Channel } else { SharedKind::Group },
        title: Title::parse("a thread").expect("a title"),
        description: None,
        avatar: None,
        visibility: if public { Visibility::Public } else { Visibility::Private },
        history: if joined { History::Joined } else { History::All },
        members: world.users.iter().copied().skip(1).take(many).collect(),
    }
}

/// One person, with some devices, who wants so many things.
pub(super) async fn live(world: Arc<World>, user: UserId, devices: Vec<UnboundedSender<Request>>, wishes: usize) {
    let hurry = world.schedule.roll(|dice| dice.of(&[20, 300, 1_500]));
    for n in 0..wishes {
        world.schedule.linger(Duration::from_millis(hurry)).await;
        let Some(what) = wish(&world, user, n) else { continue };
        // Some ask at once on all they have.
        let everywhere = world.schedule.roll(|dice| dice.permille(60));
        let request = Request { key: CommandId::new(world.schedule.next()), what, settled: Arc::new(AtomicBool::new(false)) };
        let first = world.schedule.roll(|dice| dice.index(devices.len()));
        for device in if everywhere { &devices[..] } else { &devices[first..=first] } {
            // A device that has ended ends the run.
            let _ = device.unbounded_send(request.clone());
        }
        if world.schedule.roll(|dice| dice.permille(500)) {
            for _ in 0..40 {
                if request.settled.load(Ordering::Relaxed) {
                    break;
                }
                world.schedule.sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// More than an inbox and a read of the log hold, said by one device in one go.
pub(super) fn storm(world: &World, device: &UnboundedSender<Request>, thread: ThreadId) {
    for n in 0..620 {
        let what = What::Do(post(thread, format!("storm {n}")));
        let request = Request { key: CommandId::new(world.schedule.next()), what, settled: Arc::default() };
        let _ = device.unbounded_send(request);
    }
}

fn post(thread: ThreadId, text: String) -> Command {
    let content = MessageContent::Text { text: MessageBody::parse(&text).expect("a text") };
    Command::PostMessage { thread, content, reply_to: None, mentions: Vec::new() }
}

fn wish(world: &World, user: UserId, n: usize) -> Option<What> {
    let (kind, yes) = world.schedule.roll(|dice| (dice.below(100), dice.permille(500)));
    let (thread, message, head) = {
        let known = world.known();
        let (threads, messages) = (known.threads.clone(), known.messages.clone());
        let head = known.head;
        drop(known);
        world.schedule.roll(|dice| (dice.any(&threads), dice.any(&messages), head))
    };
    let other = world.schedule.roll(|dice| dice.of(&world.users));
    let thread = thread?;
    if kind < 32 {
        // No two messages of a run say the same, so whoever finds one twice knows.
        return Some(What::Do(post(thread, format!("{n} of {user}"))));
    }
    if kind < 38 {
        let upto = Position(world.schedule.roll(|dice| dice.below(head.0 + 1)));
        return Some(What::Read(thread, upto));
    }
    Some(What::Do(match kind {
        38..66 => in_thread(world, kind, yes, thread, other)?,
        66..90 => about_message(kind, yes, message?),
        90..92 => create(world, yes),
        92 | 93 => Command::OpenDirect { user: other },
        94 => Command::BlockUser { user: other },
        95 | 96 => Command::UnblockUser { user: other },
        97 => Command::RequestFriendship { user: other },
        98 => Command::AcceptFriendship { user: other },
        _ => Command::EndFriendship { user: other },
    }))
}

/// Most of it changes who is in a thread.
fn in_thread(world: &World, kind: u64, yes: bool, thread: ThreadId, other: UserId) -> Option<Command> {
    Some(match kind {
        38..46 => Command::AddMembers { thread, users: vec![other, world.schedule.roll(|dice| dice.of(&world.users))] },
        46..53 => Command::RemoveMember { thread, user: other },
        53..57 => Command::JoinThread { thread, invite: None, passcode: None },
        57..60 => Command::LeaveThread { thread },
        60 => Command::BanUser { thread, user: other },
        61 => Command::UnbanUser { thread, user: other },
        62 => Command::ChangeRole { thread, user: other, role: if yes { Role::Admin } else { Role::Member } },
        63 if yes => Command::MuteThread { thread },
        63 => Command::UnmuteThread { thread },
        64 if yes => Command::TransferOwnership { thread, user: other },
        64 => Command::InviteUser { thread, user: other, expires_in_seconds: None },
        _ if world.schedule.roll(|dice| dice.permille(200)) => Command::DeleteThread { thread },
        _ if yes => Command::ArchiveThread { thread },
        _ => return None,
    })
}

fn about_message(kind: u64, yes: bool, (message, thread): (MessageId, ThreadId)) -> Command {
    let emoji = Emoji::parse(if yes { "👍" } else { "🎉" }).expect("an emoji");
    match kind {
        66..71 => {
            let content = MessageContent::Text { text: MessageBody::parse(&format!("edited {kind} {yes}")).expect("a text") };
            Command::EditMessage { message, content, mentions: Vec::new(), revision: None }
        }
        71..75 => Command::DeleteMessage { message },
        75..80 => Command::React { message, emoji },
        80..84 => Command::Unreact { message, emoji },
        84 | 85 => Command::PinMessage { thread, message },
        86 => Command::UnpinMessage { thread, message },
        87 => Command::DeleteMessages { thread, messages: vec![message] },
        _ => Command::ForwardMessage { thread, message },
    }
}
