//! Signals find their way by the same subscriptions as events: by membership alone.

use std::sync::Arc;

use posthaste_domain::{ThreadId, UserId};

use super::Hub;
use crate::deliver::asides::Aside;
use crate::port::signals::{Signal, To};

impl Hub {
    /// Tells those connections here whom a signal is for. Nobody waits for anything: what a connection does not take in time is lost to it.
    pub fn signal(&self, signal: &Signal) {
        match signal {
            Signal::Typing { thread, user, on, hidden_from } => {
                let aside = Aside::Typing { thread: *thread, user: *user, on: *on };
                self.tell(*thread, aside, |other| other != *user && !hidden_from.contains(&other));
            }
            Signal::Receipt { thread, user, delivered, read, to, hidden_from } => {
                let aside = Aside::Receipt { thread: *thread, user: *user, delivered: *delivered, read: *read };
                self.tell(*thread, aside, |other| {
                    let named = match to {
                        To::Users(users) => users.contains(&other),
                        To::Members => true,
                    };
                    named && other != *user && !hidden_from.contains(&other)
                });
            }
            Signal::Replaced { device, generation } => self.replaced(&[(*device, *generation)]),
        }
    }

    /// Tells those members of a thread who are connected here and for whom it is.
    fn tell(&self, thread: ThreadId, aside: Aside, is_for: impl Fn(UserId) -> bool) {
        let told: Vec<_> = {
            let routes = self.routes();
            let members = routes.threads.get(&thread).into_iter().flatten();
            let told = members.filter(|attached| is_for(attached.device.user)).cloned().collect::<Vec<_>>();
            // Under the lock, so that a removal that was routed before is known to every queue.
            told.iter().for_each(|attached| attached.asides.push(aside));
            told
        };
        told.iter().map(Arc::as_ref).for_each(|attached| attached.asides.wake());
    }
}
