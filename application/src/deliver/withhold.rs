//! What was deleted is not told again: a message that is read from the log after its deletion goes out with its facts alone.

use std::collections::HashSet;

use posthaste_domain::message::MessageEvent;
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::{Category, Event};
use uuid::Uuid;

use crate::codec;
use crate::port::{EventLog, PortError};
use crate::recorded::Recorded;

/// Takes what they say from those events of messages that are deleted by now.
pub(crate) async fn withhold_deleted(log: &dyn EventLog, events: &mut [Recorded]) -> Result<(), PortError> {
    let speaks = |event: &&Recorded| event.stream.category == Category::Message && event.content.is_some();
    let streams: HashSet<Uuid> =
        events.iter().filter(speaks).flat_map(|event| [Some(event.stream.id), event.thread.map(Uuid::from)]).flatten().collect();
    if streams.is_empty() {
        return Ok(());
    }
    let streams: Vec<_> = streams.into_iter().collect();
    let mut deleted = HashSet::new();
    for deletion in log.deletions(&streams).await? {
        let event = match codec::guess(&deletion) {
            Ok(event) => event,
            // Whatever else it says, it deletes the message whose stream it is in.
            Err(_) if deletion.stream.category == Category::Message => {
                deleted.insert(deletion.stream.id);
                continue;
            }
            Err(error) => return Err(PortError::corrupt("the log", error)),
        };
        if let Event::Message(MessageEvent::Deleted { message, .. }) = event {
            deleted.insert(message.uuid());
        } else if let Event::Thread(ThreadEvent::MessagesDeleted { messages, .. }) = event {
            deleted.extend(messages.into_iter().map(Uuid::from));
        }
    }
    for event in events.iter_mut().filter(|event| event.stream.category == Category::Message && deleted.contains(&event.stream.id)) {
        event.content = None;
    }
    Ok(())
}
