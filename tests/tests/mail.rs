//! Mail: it arrives whatever becomes of the server, on either side; and what is in it is good once, for whom it was sent to.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "mail/adapters.rs"]
mod adapters;
#[path = "mail/delivery.rs"]
mod delivery;
#[path = "mail/secrets.rs"]
mod secrets;
#[path = "mail/service.rs"]
mod service;

/// A test for each profile.
macro_rules! on_both_profiles {
    ($($name:ident)+) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::$name(posthaste_tests::Profile::Embedded).await
            })+
        }
        mod distributed {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::$name(posthaste_tests::Profile::Distributed).await
            })+
        }
    };
}
use on_both_profiles;
