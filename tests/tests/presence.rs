//! Who is online: what every keeper of it does, and what watchers are told over real sockets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "presence/keepers.rs"]
mod keepers;
#[path = "presence/onlooker.rs"]
mod onlooker;
#[path = "presence/outage.rs"]
mod outage;
#[path = "presence/sockets.rs"]
mod sockets;

use posthaste_tests::{Profile, Stage};

/// Runs every case on both profiles, with leases that are soon over.
macro_rules! on_both_profiles {
    ($($case:ident,)+) => {
        mod embedded {
            $(
                #[tokio::test]
                async fn $case() -> anyhow::Result<()> {
                    crate::sockets::$case(&crate::stage(crate::Profile::Embedded).await?.base()).await
                }
            )+
        }

        mod distributed {
            $(
                #[tokio::test]
                async fn $case() -> anyhow::Result<()> {
                    crate::sockets::$case(&crate::stage(crate::Profile::Distributed).await?.base()).await
                }
            )+
        }
    };
}

on_both_profiles! {
    whoever_watches_is_told_how_it_is_and_then_what_changes,
    only_those_are_seen_who_may_be,
    sixty_flaps_are_at_most_two_changes,
    too_many_cannot_be_watched_and_the_connection_goes_on,
}

async fn stage(profile: Profile) -> anyhow::Result<Stage> {
    Stage::start(profile, |settings| settings.with("GATEWAY__PRESENCE_LEASE_S", "2")).await
}
