//! What a socket does with bad input, and what it promises to good clients: the same on both profiles.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "socket/bad.rs"]
mod bad;
#[path = "socket/cut_off.rs"]
mod cut_off;
#[path = "socket/delivery.rs"]
mod delivery;
#[path = "socket/devices.rs"]
mod devices;
#[path = "socket/doors.rs"]
mod doors;
#[path = "socket/everything.rs"]
mod everything;
#[path = "socket/leaving.rs"]
mod leaving;
#[path = "socket/liveness.rs"]
mod liveness;
#[path = "socket/reading.rs"]
mod reading;
#[path = "socket/sessions.rs"]
mod sessions;
#[path = "socket/signals.rs"]
mod signals;
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
    doors::the_document_is_served,
    doors::a_wrong_token_is_refused,
    doors::a_wrong_ticket_is_refused,
    doors::a_used_ticket_is_refused,
    doors::a_ticket_of_another_device_is_refused_and_used_up,
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
    devices::each_device_of_a_user_has_a_cursor_of_its_own,
    devices::the_author_of_a_message_learns_when_it_was_sent_delivered_and_read_and_on_which_device,
    devices::who_has_read_a_message_is_told_to_whoever_sees_it,
    reading::a_burst_of_reads_is_one_event_on_all_own_devices_and_on_nobody_elses,
    reading::nobody_reads_beyond_the_end_of_the_log_or_what_they_are_not_in,
    signals::typing_is_told_to_the_other_members_and_to_nobody_else,
    signals::typing_ends_when_it_is_not_renewed_and_at_once_when_the_typist_goes,
    signals::much_typing_is_told_seldom,
    signals::who_wrote_is_told_what_arrived_and_all_members_what_was_read,
    signals::receipts_of_many_messages_are_few_and_only_grow,
    signals::between_two_in_a_block_nothing_is_told_either_way,
    signals::what_somebody_has_read_who_does_not_want_it_known_is_not_told,
    signals::who_was_removed_hears_no_more_of_the_thread,
    sessions::every_socket_of_a_login_that_is_ended_is_closed_and_no_other,
    sessions::nothing_of_a_login_that_was_ended_is_taken,
    sessions::a_socket_ends_with_the_login_it_was_given_last,
    sessions::a_socket_that_ends_its_own_login_is_closed,
    everything::every_operation_is_carried_out_and_every_event_reaches_those_it_is_for_and_nobody_else,
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
    liveness::a_window_is_full_of_bytes_as_well: |settings| settings.with("GATEWAY__WINDOW_BYTES", "20000"),
}

/// The same for cases about time limits, on a node with short ones.
macro_rules! on_both_profiles_impatient {
    ($($case:ident,)+) => {
        mod embedded_impatient {
            $(
                #[tokio::test]
                async fn $case() -> anyhow::Result<()> {
                    crate::liveness::$case(crate::liveness::stage(crate::Profile::Embedded).await?).await
                }
            )+
        }

        mod distributed_impatient {
            $(
                #[tokio::test]
                async fn $case() -> anyhow::Result<()> {
                    crate::liveness::$case(crate::liveness::stage(crate::Profile::Distributed).await?).await
                }
            )+
        }
    };
}

on_both_profiles_impatient! {
    a_client_that_says_nothing_is_let_go,
    a_client_that_is_not_heard_for_two_heartbeats_is_let_go_and_a_quiet_one_is_kept,
    a_full_window_without_an_ack_ends_the_connection_and_one_ack_in_time_keeps_it,
    a_window_that_fills_after_a_long_silence_has_its_time_for_the_ack,
    a_socket_that_takes_nothing_is_let_go_and_loses_nothing,
    of_many_devices_at_once_as_many_are_let_in_as_there_may_be,
}

/// The same for cases that start a node of their own: because they stop it, or read what it logs.
macro_rules! on_both_profiles_started {
    ($($module:ident::$case:ident,)+) => {
        mod embedded_started {
            $(
                #[tokio::test]
                async fn $case() -> anyhow::Result<()> {
                    crate::$module::$case(crate::Profile::Embedded).await
                }
            )+
        }

        mod distributed_started {
            $(
                #[tokio::test]
                async fn $case() -> anyhow::Result<()> {
                    crate::$module::$case(crate::Profile::Distributed).await
                }
            )+
        }
    };
}

on_both_profiles_started! {
    leaving::a_node_that_is_stopped_serves_on_and_closes_each_socket_at_a_moment_of_its_own,
    leaving::a_node_that_everybody_leaves_ends_before_the_spread_is_over,
    leaving::a_node_that_is_stopped_at_once_has_written_every_ack,
    sessions::a_socket_that_takes_nothing_is_closed_with_its_login_all_the_same,
}
