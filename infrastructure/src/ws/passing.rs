//! What one client is told of others in passing, and others of it. It may be lost: the connection sends of it only what leaves plenty of
//! room for events, and never waits for it.

use std::sync::Arc;

use futures::future::OptionFuture;
use posthaste_application::deliver::{Aside, Attached, Delivered, OwnTyping, Typists, Watermarks};
use posthaste_application::signal::SignalQueue;
use posthaste_domain::ThreadId;
use tokio::time::{Instant, sleep_until};

use super::frame::ServerFrame;

/// One connection's part in it.
pub(super) struct Passing {
    attached: Arc<Attached>,
    queue: SignalQueue,
    typing: OwnTyping,
    typists: Typists,
    receipts: Watermarks,
}

impl Passing {
    pub(super) fn new(attached: Arc<Attached>, queue: SignalQueue) -> Self {
        Self { attached, queue, typing: OwnTyping::default(), typists: Typists::default(), receipts: Watermarks::default() }
    }

    /// The client types, or has ended.
    pub(super) fn typing(&mut self, thread: ThreadId, on: bool) {
        if self.attached.is_subscribed(thread) && self.typing.say(thread, on, Instant::now().into_std()) {
            self.queue.typing(thread, self.attached.device().user, on);
        }
    }

    /// The client has stored these messages of others.
    pub(super) fn delivered(&self, messages: &[Delivered]) {
        self.queue.delivered(self.attached.device().user, messages);
    }

    /// Waits for something to tell the client; gives the frame. Can be dropped and called again at any time.
    pub(super) async fn next(&mut self) -> String {
        loop {
            let expired = OptionFuture::from(self.typists.expires().map(|at| sleep_until(Instant::from_std(at))));
            let aside = tokio::select! {
                aside = self.attached.aside() => Some(aside),
                Some(()) = expired => None,
            };
            let now = Instant::now().into_std();
            let frame = match aside {
                Some(Aside::Typing { thread, user, on }) => {
                    self.typists.hear(thread, user, on, now).then_some(ServerFrame::Typing { thread, user, on })
                }
                Some(Aside::Receipt { thread, user, delivered, read }) => {
                    let more = self.receipts.advance(thread, user, delivered, read);
                    more.map(|(delivered, read)| ServerFrame::Receipt { thread, user, delivered, read })
                }
                None => self
                    .typists
                    .expired(now)
                    // Whoever was removed since hears no more of the thread.
                    .filter(|(thread, _)| self.attached.is_subscribed(*thread))
                    .map(|(thread, user)| ServerFrame::Typing { thread, user, on: false }),
            };
            if let Some(frame) = frame {
                return frame.text();
            }
        }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let user = self.attached.device().user;
        self.typing.leave().for_each(|thread| self.queue.typing(thread, user, false));
    }
}
