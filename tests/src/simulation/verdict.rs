//! What is checked when everything has come to rest: the clients' histories against the log, and the log against everything else.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use futures::FutureExt as _;
use posthaste_application::chain::Verifier;
use posthaste_application::recorded::{Position, Recorded};
use posthaste_application::view::{Direction, FriendState, MemberPage, Page, ThreadFilter, TimelinePage, Views as _};
use posthaste_domain::{ThreadId, UserId};
use posthaste_infrastructure::embedded::MemoryViews;

use super::node::Node;
use super::world::{Guarantee, World};
use crate::history::{Counts, Entry, Log, Violation, check};
use crate::rules;

/// Whether everything has arrived where it can arrive; if not, what has not.
pub(super) fn unrest(world: &World, head: Position, checkpoint: Position) -> Option<String> {
    for (n, node) in world.nodes().iter().enumerate() {
        let Some(node) = node else { return Some(format!("node {n} is down")) };
        if node.hub.position() != head {
            return Some(format!("the hub of node {n} is at {}, the log ends at {head}", node.hub.position()));
        }
        for projection in &node.projections {
            // In memory, so it is there at once.
            let at = projection.checkpoint().now_or_never().and_then(Result::ok);
            if at != Some(head) {
                return Some(format!("{} of node {n} is at {at:?}, the log ends at {head}", projection.name()));
            }
        }
    }
    if checkpoint != head {
        return Some(format!("the relay's checkpoint is {checkpoint}, the log ends at {head}"));
    }
    for (n, shown) in world.shown().iter().enumerate() {
        let Some(gauge) = shown.gauge.as_ref().filter(|_| shown.live) else { return Some(format!("device {n} is not live")) };
        let (settled, pushed) = (gauge.settled.load(Ordering::Relaxed), gauge.pushed.load(Ordering::Relaxed));
        if shown.unsettled > 0 {
            return Some(format!("device {n} waits for {} answers", shown.unsettled));
        }
        if settled < head.0 || gauge.received.load(Ordering::Relaxed) < pushed {
            return Some(format!("device {n} has everything up to {settled}, the log ends at {head}"));
        }
    }
    None
}

/// Compares what devices saw, what was answered, and what the views say, with the log.
pub(super) async fn judge(world: &World, log: &Log, at_rest: bool) -> Counts {
    if at_rest {
        for device in world.devices.iter().copied() {
            world.history.record(Entry::Quiesced { device, position: log.head.position });
        }
    }
    let verdict = check(&world.history.entries(), log);
    for violation in verdict.violations {
        world.find(guarantee(&violation), || violation.to_string());
    }
    for breach in rules::breaches(&log.events) {
        world.find(Guarantee::Rules, || format!("{breach:?}"));
    }
    answers_stand(world, log);
    said_once(world, log);
    let nodes: Vec<_> = world.nodes().iter().flatten().cloned().collect();
    for node in nodes.iter().filter(|node| !node.projections.is_empty()) {
        views_are_what_a_rebuild_gives(world, log, node).await;
    }
    verdict.counts
}

fn guarantee(violation: &Violation) -> Guarantee {
    match violation {
        Violation::Log(_) | Violation::OkNotRecorded { .. } | Violation::OkElsewhere { .. } | Violation::OkOfAnother { .. } => {
            Guarantee::OkIsDurable
        }
        Violation::RecordedTwice { .. }
        | Violation::AnsweredDifferently { .. }
        | Violation::NewTwice { .. }
        | Violation::RefusedYetRecorded { .. } => Guarantee::UnknownOutcomeIsSafe,
        Violation::Missed { .. } | Violation::CursorIgnored { .. } | Violation::CursorBeyondAcks { .. } => Guarantee::NoLoss,
        Violation::Skipped { .. } | Violation::LiveTooEarly { .. } => Guarantee::NoHole,
        Violation::DeliveredTwice { .. } => Guarantee::Once,
        Violation::OutOfOrder { position, after, .. } if position == after => Guarantee::Once,
        Violation::OutOfOrder { .. } | Violation::BrokenChain { .. } | Violation::Reordered { .. } => Guarantee::Order,
        Violation::NotOwed { .. } => Guarantee::RemovedMeansRemoved,
        Violation::Misfiled { .. } | Violation::TextChanged { .. } | Violation::Distorted { .. } => Guarantee::BrokerIsNotTruth,
        Violation::Unknown { .. } => Guarantee::Rules,
    }
}

/// Every `ok`, of whatever command, names a place where the log has that command.
fn answers_stand(world: &World, log: &Log) {
    let commands: HashMap<_, _> = log.events.iter().map(|event| (event.position, event.command)).collect();
    let executed = world.known().executed.clone();
    for (key, executed) in executed {
        if commands.get(&executed.position) != Some(&key) {
            world.find(Guarantee::OkIsDurable, || format!("{key} was answered ok at {}, and is not there", executed.position));
        }
    }
}

/// Nobody in a run says the same twice, so a text that stands twice was stored twice; unless it was forwarded.
fn said_once(world: &World, log: &Log) {
    let mut said: HashMap<&[u8], Position> = HashMap::new();
    for event in log.events.iter().filter(|event| event.event_type == "message.posted" && !event.facts.contains("\"forwarded\"")) {
        let Some(content) = event.content() else { continue };
        if let Some(first) = said.insert(content, event.position) {
            let second = event.position;
            world.find(Guarantee::UnknownOutcomeIsSafe, || format!("what was meant to be said once stands at {first} and {second}"));
        }
    }
}

/// Asks both the same.
macro_rules! same {
    ($world:expr, $live:expr, $anew:expr, |$views:ident| $question:expr) => {{
        let $views = $live;
        let kept = $question.await;
        let $views = $anew;
        let built = $question.await;
        match (kept, built) {
            (Ok(kept), Ok(built)) if kept == built => {}
            (kept, built) => {
                $world.find(Guarantee::RebuildEqualsLive, || format!("{}: {kept:?}, anew: {built:?}", stringify!($question)));
            }
        }
    }};
}

async fn views_are_what_a_rebuild_gives(world: &World, log: &Log, node: &Node) {
    let (live, anew) = (&node.views, &MemoryViews::default());
    for projection in anew.projections() {
        if let Err(error) = projection.apply(Position::START, &log.events).await {
            world.find(Guarantee::RebuildEqualsLive, || format!("{} cannot be built: {error}", projection.name()));
        }
    }
    let page = Page { before: None, limit: usize::MAX };
    same!(world, live, anew, |views| views.discover(None, page));
    let threads = world.known().threads.clone();
    for thread in threads.iter().copied() {
        same!(world, live, anew, |views| views.members(thread, MemberPage { after: None, limit: usize::MAX }));
        same!(world, live, anew, |views| views.bans(thread, page));
        same!(world, live, anew, |views| views.invites(thread, node.clock.now(), page));
    }
    let filter = &ThreadFilter { archived: None, matching: None };
    for user in world.users.iter().copied() {
        same!(world, live, anew, |views| views.threads(user, filter, page));
        same!(world, live, anew, |views| views.invitations(user, node.clock.now(), page));
        same!(world, live, anew, |views| views.directory(user, "", page));
        for state in FriendState::ALL {
            same!(world, live, anew, |views| views.friends(user, state, page));
        }
        for thread in threads.iter().copied() {
            of_both(world, live, anew, user, thread).await;
        }
    }
}

async fn of_both(world: &World, live: &MemoryViews, anew: &MemoryViews, user: UserId, thread: ThreadId) {
    let page = TimelinePage { direction: Direction::Before(None), limit: usize::MAX };
    same!(world, live, anew, |views| views.timeline(user, thread, page));
    same!(world, live, anew, |views| views.pins(user, thread, Page { before: None, limit: usize::MAX }));
}

/// Looks through a log as `posthaste log verify` does; gives the first position that is bad.
pub(super) fn verify(log: &Log, blind: bool) -> Option<Position> {
    if blind {
        let dense = |(n, event): (u64, &Recorded)| (event.position != Position(n)).then_some(Position(n));
        let end = Position(log.events.len() as u64);
        return (1..).zip(&log.events).find_map(dense).or_else(|| (end != log.head.position).then(|| end.next()));
    }
    let mut verifier = Verifier::default();
    let walked = log.events.iter().try_for_each(|event| verifier.check(event));
    walked.and_then(|()| verifier.finish(log.head)).err().map(|broken| broken.position())
}
