//! The table.

use metrics::{Counter, Gauge, Histogram, Unit};

use super::handle::{Handle, Labelled, PerEndpoint};
use super::{Metric, Series};

/// What became of an append.
const APPENDS: &[&str] = &["recorded", "repeated", "moved", "mismatched", "failed"];
/// What became of a command.
const COMMANDS: &[&str] = &["executed", "repeated", "refused", "failed"];
/// Every reason for which a socket is closed, and `gone`: the client went away without a word.
const CLOSES: &[&str] = &[
    "gone",
    "bye",
    "draining",
    "heartbeat_timeout",
    "ack_stalled",
    "server_error",
    "feed_stalled",
    "rate_limited",
    "write_timeout",
    "token_expired",
    "unauthorized",
    "hello_timeout",
    "unsupported_version",
    "protocol_violation",
    "session_revoked",
    "account_suspended",
    "replaced_by_same_device",
    "too_many_connections",
    "forbidden_origin",
];
/// What `readyz` looks at.
const CHECKS: &[&str] = &["database", "schema", "broker", "relay", "views", "redis", "draining"];
/// The views.
const VIEWS: &[&str] = &["threads", "timeline", "people"];
/// What is limited: policies of REST, kinds of frames, and connections.
const LIMITED: &[&str] = &[
    "login",
    "register",
    "refresh",
    "reset",
    "tickets",
    "sockets",
    "search",
    "commands",
    "queries",
    "other",
    "frames_cmd",
    "frames_read",
    "frames_ack",
    "frames_other",
    "frames_refused",
    "connections",
];
/// Kinds of HTTP statuses.
const STATUSES: &[&str] = &["1xx", "2xx", "3xx", "4xx", "5xx"];

macro_rules! series {
    () => {
        Series::One
    };
    (endpoint) => {
        Series::PerEndpoint
    };
    ($label:ident in $values:ident) => {
        Series::Of(stringify!($label), $values)
    };
}

macro_rules! meters {
    ($($field:ident: $handle:ty $([$($label:tt)+])?, $name:literal, $unit:ident, $help:literal;)+) => {
        /// Every handle.
        #[derive(Debug)]
        #[non_exhaustive]
        pub struct Meters {
            $(#[doc = $help] pub $field: $handle,)+
        }

        /// Every metric.
        pub const METRICS: &[Metric] = &[
            $(Metric {
                name: concat!("posthaste_", $name),
                kind: <$handle as Handle>::KIND,
                unit: Unit::$unit,
                series: series!($($($label)+)?),
                help: $help,
            },)+
        ];

        impl Meters {
            pub(super) fn new() -> Self {
                let mut metrics = METRICS.iter();
                let mut next = || metrics.next().expect("one for each field");
                Self { $($field: Handle::begin(next()),)+ }
            }
        }
    };
}

meters! {
    // The process.
    checks: Labelled<Gauge> [check in CHECKS], "check", Count, "Whether what readyz looks at is as it must be: 1, or 0.";
    http_requests: Labelled<Counter> [status in STATUSES], "http_requests_total", Count, "Requests over REST that were answered.";
    http_time: Histogram, "http_request_seconds", Seconds, "From a request over REST to its answer.";
    rate_limited: Labelled<Counter> [policy in LIMITED], "rate_limited_total", Count, "What was refused because there was too much of it: requests, frames and connections.";
    limiter_failures: Counter, "limiter_failures_total", Count, "Requests that were not counted together with those of other nodes, because that was not possible.";
    commands: Labelled<Counter> [outcome in COMMANDS], "commands_total", Count, "Commands, over REST and sockets, by what became of them.";

    // The log.
    log_head: Gauge, "log_head", Count, "The position at which the log ends.";
    appends: Labelled<Counter> [outcome in APPENDS], "appends_total", Count, "Appends of this process that the log has answered.";
    events_appended: Counter, "events_appended_total", Count, "Events that this process has recorded.";
    append_time: Histogram, "append_seconds", Seconds, "What the log took for a batch of appends, until it was durable.";
    append_batch: Histogram, "append_batch", Count, "Appends that went into one transaction.";
    append_retries: Counter, "append_retries_total", Count, "Batches that were sent again, because it was not known what became of them.";

    // The relay.
    relay_active: Gauge, "relay_active", Count, "Whether this process relays: 1, or 0 while it stands by or has no such role.";
    relay_checkpoint: Gauge, "relay_checkpoint", Count, "The position up to which the broker has confirmed everything.";
    relay_lag: Gauge, "relay_lag", Count, "Events after the checkpoint of the relay.";
    relay_published: Counter, "relay_published_total", Count, "Events that this process has given to the broker, repeated ones included.";
    relay_confirmed: Counter, "relay_confirmed_total", Count, "Events that the broker has confirmed to this process.";
    relay_unconfirmed: Gauge, "relay_unconfirmed", Count, "Events that this process has published and the broker has not confirmed.";
    confirm_time: Histogram, "relay_confirm_seconds", Seconds, "From the publishing of a run to its confirmation.";
    relay_failures: Counter, "relay_failures_total", Count, "How often the relay of this process had to start again from its checkpoint.";

    // Views.
    view_checkpoint: Labelled<Gauge> [view in VIEWS], "view_checkpoint", Count, "The position up to which a view has taken everything in.";
    view_lag: Labelled<Gauge> [view in VIEWS], "view_lag", Count, "Events after the checkpoint of a view.";
    view_events: Labelled<Counter> [view in VIEWS], "view_events_total", Count, "Events that this process has taken into a view.";
    view_dead_letters: Labelled<Gauge> [view in VIEWS], "view_dead_letters", Count, "Streams that are parked in a view, each with an event that it cannot take.";
    view_failures: Labelled<Counter> [view in VIEWS], "view_failures_total", Count, "How often a view could not be kept for a moment.";

    // Sockets.
    sockets: Gauge, "sockets", Count, "Devices that are connected to this process.";
    connects: Counter, "connects_total", Count, "Devices that were let in.";
    resumes: Counter, "resumes_total", Count, "Those of them that went on from a position that they had reached before.";
    closes: Labelled<Counter> [reason in CLOSES], "closes_total", Count, "Sockets that have ended, by the reason.";
    unacked: Gauge, "unacked", Count, "Events that were pushed to those who are connected and are not acknowledged.";
    pushed: Counter, "pushed_total", Count, "Events that were pushed to devices, repeated ones included.";
    push_time: Histogram, "push_seconds", Seconds, "From the commit of an event to when it was written to the socket of a device that is up to date.";
    overflows: Counter, "overflows_total", Count, "How often a device fell behind the feed and had to go on from the log.";
    acks: Counter, "acks_total", Count, "Moves of devices' cursors that were written.";
    feed_holes: Counter, "feed_holes_total", Count, "How often the feed lacked something that was read from the log instead.";
    feed_failures: Counter, "feed_failures_total", Count, "How often the feed was interrupted.";

    // What is told in passing.
    signals: Counter, "signals_total", Count, "Signals that were published.";
    signals_lost: Counter, "signals_lost_total", Count, "Signals that this process has lost, because there were too many or nobody took them.";

    // Mail.
    mail_sent: Counter, "mail_sent_total", Count, "Mails that were taken over to be delivered.";
    mail_retried: Counter, "mail_retried_total", Count, "Tries to send a mail that failed and are made again.";
    mail_dead: Counter, "mail_dead_total", Count, "Mails that were given up.";

    // Webhooks.
    webhook_taken: Counter, "webhook_taken_total", Count, "Events that were put into the inboxes of webhooks.";
    webhook_gap_reads: Counter, "webhook_gap_reads_total", Count, "How often what the queue had not delivered was read from the log.";
    webhook_redeliveries: Counter, "webhook_redeliveries_total", Count, "Deliveries of the queue that had been taken in before.";
    webhook_foreign: Counter, "webhook_foreign_total", Count, "Deliveries of the queue that the log knows nothing of: they are rejected, and end as its dead letters.";
    webhook_sent: PerEndpoint<Counter> [endpoint], "webhook_sent_total", Count, "Events that a webhook was sent, each try counted.";
    webhook_delivered: PerEndpoint<Counter> [endpoint], "webhook_delivered_total", Count, "Events that a webhook has taken.";
    webhook_failed: PerEndpoint<Counter> [endpoint], "webhook_failed_total", Count, "Tries that failed.";
    webhook_retried: PerEndpoint<Counter> [endpoint], "webhook_retried_total", Count, "Tries that failed and are made again.";
    webhook_dead: PerEndpoint<Counter> [endpoint], "webhook_dead_total", Count, "Events that were given up.";
    webhook_waiting: PerEndpoint<Gauge> [endpoint], "webhook_waiting", Count, "Events in the inbox of a webhook.";
    webhook_dead_letters: PerEndpoint<Gauge> [endpoint], "webhook_dead_letters", Count, "Streams that are parked for a webhook, each with an event that was given up.";
    webhook_disabled: PerEndpoint<Gauge> [endpoint], "webhook_disabled", Count, "Whether a webhook is sent nothing, because it took nothing for too long: 1, or 0.";
}
