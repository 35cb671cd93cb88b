//! Who types: what of a client's own typing others are told, and how long it is believed of others.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use posthaste_domain::{ThreadId, UserId};

/// How long somebody is believed to type when nothing is heard of it any more.
pub const TYPING_LASTS: Duration = Duration::from_secs(5);
/// How often it is passed on that a device goes on typing in a thread.
const AGAIN: Duration = Duration::from_secs(2);
/// In how many threads a device may type at once.
const MOST_THREADS: usize = 4;
/// Of how many others a connection is told that they type.
const MOST_TYPISTS: usize = 256;

/// What one device types, as others were told.
#[derive(Debug, Default)]
pub struct OwnTyping {
    threads: HashMap<ThreadId, Told>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    on: bool,
    /// When it was last said that it types.
    at: Instant,
}

impl OwnTyping {
    /// Whether others are to be told that the device types in a thread, or that it has ended. It is told again only after a while, in a few
    /// threads at once, and that it has ended only where it was told that it types.
    pub fn say(&mut self, thread: ThreadId, on: bool, now: Instant) -> bool {
        // Others have forgotten it by now.
        self.threads.retain(|_, told| now.duration_since(told.at) < TYPING_LASTS);
        let has_room = self.threads.len() < MOST_THREADS;
        match self.threads.get_mut(&thread) {
            Some(told) if on => {
                let again = now.duration_since(told.at) >= AGAIN;
                if again {
                    *told = Told { on, at: now };
                }
                again
            }
            Some(told) => std::mem::replace(&mut told.on, false),
            None if on && has_room => {
                self.threads.insert(thread, Told { on, at: now });
                true
            }
            None => false,
        }
    }

    /// Where others believe that the device types, when it goes.
    pub fn leave(&mut self) -> impl Iterator<Item = ThreadId> {
        self.threads.drain().filter(|(_, told)| told.on).map(|(thread, _)| thread)
    }
}

/// Who types, as one client was told.
#[derive(Debug, Default)]
pub struct Typists {
    until: HashMap<(ThreadId, UserId), Instant>,
}

impl Typists {
    /// Takes in that somebody types, or has ended; whether that is new to the client.
    pub fn hear(&mut self, thread: ThreadId, user: UserId, on: bool, now: Instant) -> bool {
        let typist = (thread, user);
        if !on {
            return self.until.remove(&typist).is_some();
        }
        if let Some(until) = self.until.get_mut(&typist) {
            *until = now + TYPING_LASTS;
            return false;
        }
        let taken = self.until.len() < MOST_TYPISTS;
        if taken {
            self.until.insert(typist, now + TYPING_LASTS);
        }
        taken
    }

    /// When the first of them is not believed any more.
    #[must_use]
    pub fn expires(&self) -> Option<Instant> {
        self.until.values().min().copied()
    }

    /// One of those who are not believed any more; told once.
    pub fn expired(&mut self, now: Instant) -> Option<(ThreadId, UserId)> {
        let typist = self.until.iter().find_map(|(typist, until)| (*until <= now).then_some(*typist))?;
        self.until.remove(&typist);
        Some(typist)
    }
}
