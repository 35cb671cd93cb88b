//! Logging in with an account elsewhere: with a provider that does as the standard says, and with one that does everything that none may.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "oidc/accounts.rs"]
mod accounts;
#[path = "oidc/attacks.rs"]
mod attacks;
#[path = "oidc/certified.rs"]
mod certified;
#[path = "oidc/lies.rs"]
mod lies;
#[path = "oidc/service.rs"]
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
