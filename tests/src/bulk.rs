//! Much of the same: messages by the thousand, for tests that need a log of some length.

use posthaste_application::codec;
use posthaste_application::recorded::{Append, Check, Expected, StreamId};
use posthaste_domain::message::{MessageContent, MessageEvent};
use posthaste_domain::text::MessageBody;
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::{Aggregate, CommandId, Event, Message, MessageId, Thread, ThreadId, UserId, UserPair};
use uuid::Uuid;

/// What the ids of everything here begin with.
const IDS: u64 = 0xB01C;
/// Users, two to a thread.
const THREADS: u64 = 200;

fn user(n: u64) -> UserId {
    UserId::new(Uuid::from_u64_pair(IDS, n))
}

/// Two users and their thread.
fn pair(n: u64) -> (UserPair, ThreadId) {
    let pair = UserPair::new(user(2 * n), user(2 * n + 1)).expect("two users");
    (pair, ThreadId::direct(pair))
}

fn append(command: u64, actor: UserId, stream: StreamId, event: &Event) -> Append {
    let command = Uuid::from_u64_pair(IDS << 16, command);
    Append {
        command: CommandId::new(command),
        fingerprint: [0; 32],
        actor: Some(actor),
        correlation: command,
        causation: None,
        checks: vec![Check { stream, expected: Expected::NoStream }],
        events: vec![codec::encode(stream, 1, event)],
        unsealed: None,
    }
}

/// Direct threads of users whom nobody has registered, to be opened once and before any message.
#[must_use]
pub fn threads() -> Vec<Append> {
    let open = |n| {
        let ((pair, thread), by) = (pair(n), user(2 * n));
        let stream = StreamId { category: Thread::CATEGORY, id: thread.uuid() };
        append(n, by, stream, &ThreadEvent::Opened { thread, pair, by }.into())
    };
    (0..THREADS).map(open).collect()
}

/// So many messages from this number on, each number once, in all threads by turns.
#[must_use]
pub fn messages(from: u64, count: u64) -> Vec<Append> {
    let post = |n: u64| {
        let (_, thread) = pair(n % THREADS);
        let author = user(2 * (n % THREADS) + n / THREADS % 2);
        let message = MessageId::new(Uuid::from_u64_pair(IDS, n));
        let text = format!("This is message {n} of very many, and it says about as much as people say at once.");
        let content = MessageContent::Text { text: MessageBody::parse(&text).expect("a text") };
        let (reply_to, mentions, forwarded) = (None, Vec::new(), None);
        let event = MessageEvent::Posted { message, thread, author, reply_to, mentions, forwarded, content: content.into() };
        let stream = StreamId { category: Message::CATEGORY, id: message.uuid() };
        append(THREADS + n, author, stream, &event.into())
    };
    (from..from + count).map(post).collect()
}
