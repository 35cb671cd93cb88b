//! The spans that can be exported: what one command went through, and the batches that carried it. Where nobody collects them they are not
//! made, and cost a look at a flag. A push to a device has none: there are too many of them.
//!
//! | span | one for each | what it says |
//! |---|---|---|
//! | `request` | REST request; made where it comes in | correlation, method, route, status |
//! | `command` | command, until it is durable or refused; within its request, if it has one | correlation, command, outcome, position |
//! | `append` | transaction of the append queue; linked to the commands that it carries | appends |
//! | `publish` | run that the relay gives to the broker | first, last |
//! | `project` | batch of events that goes into a view | view, first, last |

use tracing::field::Empty;
use tracing::{Span, debug_span};

use crate::execute::Envelope;
use crate::recorded::Position;

/// What spans come from that are made here, to select them by.
pub const TARGET: &str = "posthaste::span";

/// Of a command.
pub(crate) fn command(envelope: &Envelope) -> Span {
    let Envelope { correlation, command, .. } = envelope;
    debug_span!(target: TARGET, "command", %correlation, %command, outcome = Empty, position = Empty)
}

/// Of a transaction that carries what these commands lead to.
pub(crate) fn append<'a>(appends: usize, commands: impl Iterator<Item = &'a Span>) -> Span {
    let span = debug_span!(target: TARGET, parent: None, "append", appends);
    if !span.is_disabled() {
        for command in commands {
            span.follows_from(command);
        }
    }
    span
}

/// Of a run on its way to the broker.
pub(crate) fn publish(first: Position, last: Position) -> Span {
    debug_span!(target: TARGET, parent: None, "publish", first = first.0, last = last.0)
}

/// Of a batch on its way into a view.
pub(crate) fn project(view: &'static str, first: Position, last: Position) -> Span {
    debug_span!(target: TARGET, parent: None, "project", view, first = first.0, last = last.0)
}
