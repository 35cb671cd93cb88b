//! What a user may send over the sockets of a node: buckets that are taken from without a lock, for there are tens of thousands of frames a
//! second.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use posthaste_domain::UserId;

use crate::meter::meters;
use crate::port::limiter::Rate;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident, $name:ident;)+) => {
        /// What is limited together.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $($(#[$doc])* $variant,)+
        }

        impl Kind {
            /// Each of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => concat!("frames_", stringify!($name)),)+ }
            }
        }

        /// How many a user may send to a node.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct FrameLimits {
            $($(#[$doc])* pub $name: Rate,)+
        }

        impl FrameLimits {
            const fn of(&self, kind: Kind) -> Rate {
                match kind { $(Kind::$variant => self.$name,)+ }
            }
        }
    };
}

kinds! {
    /// `cmd`.
    Cmd, cmd;
    /// `read`: marks must not eat the budget of messages.
    Read, read;
    /// `ack`.
    Ack, ack;
    /// `typing`, `watch`, `auth` and `ping`.
    Other, other;
    /// Frames that were refused because there were too many: a client that does not listen is closed.
    Refused, refused;
}

/// Users that are remembered before it is looked whose buckets are full again.
const ROOM: usize = 1_024;

/// The buckets of one user, each as the time at which it is full, in microseconds.
#[derive(Debug, Default)]
pub struct Allowance([AtomicI64; Kind::ALL.len()]);

impl Allowance {
    /// Takes one; the time is in microseconds.
    ///
    /// # Errors
    /// There is none; when there is.
    pub fn take(&self, limits: &FrameLimits, kind: Kind, now: i64) -> Result<(), Duration> {
        let (bucket, rate) = (&self.0[kind as usize], limits.of(kind));
        let taken = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| rate.after_taking(full_at, now));
        taken.map(drop).map_err(|full_at| {
            meters().rate_limited.of(kind.name()).increment(1);
            rate.level(full_at, now, false).retry_after
        })
    }

    fn is_full(&self, now: i64) -> bool {
        self.0.iter().all(|full_at| full_at.load(Ordering::Relaxed) <= now)
    }
}

/// Those of everybody who is or was here.
#[derive(Debug, Default)]
pub struct Allowances(Mutex<Users>);

#[derive(Debug, Default)]
struct Users {
    users: HashMap<UserId, Arc<Allowance>>,
    /// So many there were when it was looked last.
    left: usize,
}

impl Allowances {
    /// Those of a user, shared by all their connections. They outlive the connections until they are full: to come again makes nothing new.
    pub fn of(&self, user: UserId, now: i64) -> Arc<Allowance> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.users.len() >= ROOM.max(2 * kept.left) {
            kept.users.retain(|_, allowance| Arc::strong_count(allowance) > 1 || !allowance.is_full(now));
            kept.left = kept.users.len();
        }
        Arc::clone(kept.users.entry(user).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use uuid::Uuid;

    use super::*;

    fn limits() -> FrameLimits {
        let rate = Rate { burst: NonZeroU32::new(3).unwrap(), every: Duration::from_secs(1) };
        FrameLimits { cmd: rate, read: rate, ack: rate, other: rate, refused: rate }
    }

    #[test]
    fn each_kind_has_a_bucket_of_its_own_and_each_user_has_them_once() {
        let allowances = Allowances::default();
        let (phone, laptop) = (allowances.of(UserId::new(Uuid::nil()), 0), allowances.of(UserId::new(Uuid::nil()), 0));
        for connection in [&phone, &laptop, &phone] {
            assert_eq!(connection.take(&limits(), Kind::Cmd, 0), Ok(()));
        }
        assert_eq!(laptop.take(&limits(), Kind::Cmd, 0), Err(Duration::from_secs(1)));
        assert_eq!(laptop.take(&limits(), Kind::Read, 0), Ok(()));
        assert_eq!(allowances.of(UserId::new(Uuid::max()), 0).take(&limits(), Kind::Cmd, 0), Ok(()));
        assert_eq!(laptop.take(&limits(), Kind::Cmd, 1_000_000), Ok(()));
    }

    #[test]
    fn who_comes_again_finds_what_they_left_and_who_was_long_gone_is_forgotten() {
        let allowances = Allowances::default();
        let user = |n: usize| UserId::new(Uuid::from_u128(n as u128));
        for n in 0..10_000 {
            allowances.of(user(n), 0).take(&limits(), Kind::Cmd, 0).unwrap();
        }
        assert_eq!(allowances.of(user(7), 0).0[Kind::Cmd as usize].load(Ordering::Relaxed), 1_000_000);
        for n in 10_000..30_000 {
            allowances.of(user(n), 60_000_000);
        }
        assert!(allowances.0.lock().unwrap().users.len() <= 2 * ROOM);
    }
}
