//! What a socket does with bad input, and what it promises to good clients: the same on both profiles.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "socket/bad.rs"]
mod bad;
#[path = "socket/delivery.rs"]
mod delivery;
#[path = "socket/doors.rs"]
mod doors;
#[path = "socket/time.rs"]
mod time;
#[path = "socket/wire.rs"]
mod wire;

use posthaste_tests::{Profile, Stage};

/// Runs every case on the node that all share, and on both profiles.
macro_rules! on_both_profiles {
    ($($module:ident::$case:ident,)+) => {
        mod embedded {
            $(
                #[tokio::test]
                async fn $case() -> anyhow::Result<()> {
                    crate::$module::$case(&crate::Stage::shared(crate::Profile::Embedded).await?.base()).await
                }
            )+
        }

        mod distributed {
            $(
                #[tokio::test]
                async fn $case() -> anyhow::Result<()> {
                    crate::$module::$case(&crate::Stage::shared(crate::Profile::Distributed).await?.base()).await
                }
            )+
        }
    };
}

on_both_profiles! {
    doors::a_welcome_comes_first_and_says_where_the_device_stands,
    doors::live_is_said_even_if_nothing_was_missed,
    doors::a_wrong_token_is_refused,
    doors::a_wrong_ticket_is_refused,
    doors::a_used_ticket_is_refused,
    doors::a_hello_without_ticket_or_token_or_with_both_is_refused,
    doors::a_first_frame_that_is_not_hello_is_refused,
    doors::a_hello_that_cannot_be_read_or_is_too_large_is_refused,
    doors::a_client_that_says_nothing_is_let_go,
    doors::another_subprotocol_or_none_is_refused,
    doors::a_page_of_a_foreign_origin_is_refused_and_others_are_let_in,
    doors::a_cursor_beyond_the_head_is_refused,
    doors::the_same_device_again_replaces_its_older_connection,
    bad::a_frame_that_is_too_large_is_refused_and_the_connection_goes_on,
    bad::a_frame_that_is_far_too_large_ends_the_connection_and_loses_nothing,
    bad::malformed_json_is_refused_and_the_connection_goes_on,
    bad::an_unknown_frame_is_refused_and_the_connection_goes_on,
    bad::an_unknown_operation_is_refused_and_the_connection_goes_on,
    bad::bytes_are_refused_and_the_connection_goes_on,
    bad::a_second_hello_is_refused_and_the_connection_goes_on,
    bad::a_message_to_a_thread_one_is_not_in_is_refused,
    bad::a_direct_thread_with_somebody_who_is_no_friend_is_refused,
    bad::an_empty_or_over_long_message_is_refused_and_the_longest_is_taken,
    bad::unknown_fields_of_a_command_body_are_refused,
    bad::an_ack_beyond_what_was_pushed_is_refused_and_moves_nothing,
    bad::twenty_bad_frames_end_the_connection,
    delivery::a_command_that_is_sent_twice_is_answered_the_same_and_stored_once,
    delivery::a_command_id_that_was_used_for_something_else_is_refused,
    delivery::a_full_window_waits_for_an_ack,
    delivery::an_ack_of_something_old_changes_nothing,
    delivery::a_backlog_of_a_thousand_is_read_in_order,
    delivery::what_was_not_acked_comes_again_and_what_was_acked_does_not,
    delivery::a_ping_is_answered_and_bye_is_a_normal_end,
}

/// The same for cases with settings of their own.
macro_rules! on_both_profiles_alone {
    ($($module:ident::$case:ident: $settings:expr,)+) => {
        mod embedded_alone {
            $(
                #[tokio::test]
                async fn $case() -> anyhow::Result<()> {
                    let stage = crate::Stage::start(crate::Profile::Embedded, $settings).await?;
                    crate::$module::$case(&stage.base()).await
                }
            )+
        }

        mod distributed_alone {
            $(
                #[tokio::test]
                async fn $case() -> anyhow::Result<()> {
                    let stage = crate::Stage::start(crate::Profile::Distributed, $settings).await?;
                    crate::$module::$case(&stage.base()).await
                }
            )+
        }
    };
}

on_both_profiles_alone! {
    time::an_expired_token_is_refused: |settings| settings.with("AUTH__ACCESS_TOKEN_S", "4"),
    time::a_connection_ends_with_its_token_unless_the_token_is_renewed:
        |settings| settings.with("AUTH__ACCESS_TOKEN_S", "5").with("GATEWAY__HEARTBEAT_S", "5"),
    time::a_heartbeat_carries_the_head_of_the_log: |settings| settings.with("GATEWAY__HEARTBEAT_S", "1"),
    time::one_device_too_many_is_refused: |settings| settings.with("GATEWAY__SOCKETS_PER_USER", "2"),
}
