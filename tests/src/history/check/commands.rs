//! Commands: every `ok` is in the log once, where it says, as it was sent; every retry is answered the same.

use std::collections::HashMap;

use posthaste_application::recorded::Position;
use posthaste_domain::{CommandId, ThreadId, UserId};
use uuid::Uuid;

use super::super::obligations::Obligations;
use super::super::{Answer, Counts, Entry, Violation};

/// A command as it was sent first.
#[derive(Debug)]
struct Sent<'a> {
    user: UserId,
    thread: ThreadId,
    text: &'a str,
    /// The furthest position that anybody had been answered before.
    after: Position,
    /// The first `ok`.
    ok: Option<(Uuid, Position)>,
    /// One of the answers said that it was no repetition.
    new: bool,
    /// The code of a refusal.
    refused: Option<&'a str>,
}

/// Checks every command.
pub(super) fn check(history: &[Entry], obligations: &Obligations<'_>, violations: &mut Vec<Violation>, counts: &mut Counts) {
    let mut sent: HashMap<CommandId, Sent<'_>> = HashMap::new();
    let mut answered = Position::START;
    for entry in history {
        match entry {
            Entry::Sent { user, command, thread, text } => {
                counts.retries += usize::from(sent.contains_key(command));
                let first = Sent { user: *user, thread: *thread, text: text.trim(), after: answered, ok: None, new: false, refused: None };
                sent.entry(*command).or_insert(first);
            }
            Entry::Answered { command, answer } => {
                let Some(sent) = sent.get_mut(command) else { continue };
                note_answer(*command, sent, answer, violations);
                if let Answer::Ok { position, .. } = answer {
                    answered = answered.max(*position);
                }
            }
            Entry::Connected { .. } | Entry::Pushed { .. } | Entry::Live { .. } | Entry::Acked { .. } | Entry::Quiesced { .. } => {}
        }
    }
    for (command, sent) in &sent {
        compare(*command, sent, obligations, violations);
        counts.ok += usize::from(sent.ok.is_some());
        counts.refused += usize::from(sent.ok.is_none() && sent.refused.is_some());
        counts.unanswered += usize::from(sent.ok.is_none() && sent.refused.is_none());
    }
    counts.sent = sent.len();
}

/// The first `ok` binds every later one.
fn note_answer<'a>(command: CommandId, sent: &mut Sent<'a>, answer: &'a Answer, violations: &mut Vec<Violation>) {
    match answer {
        Answer::Ok { id, position, dup } => {
            let first = *sent.ok.get_or_insert((*id, *position));
            if first != (*id, *position) {
                violations.push(Violation::AnsweredDifferently { command, first, then: (*id, *position) });
            }
            if sent.new && !dup {
                violations.push(Violation::NewTwice { command });
            }
            sent.new |= !dup;
        }
        Answer::Err { code, .. } if answer.is_final() => sent.refused = Some(code),
        // Not known: it may be in the log or not.
        Answer::Err { .. } => {}
    }
}

fn compare(command: CommandId, sent: &Sent<'_>, obligations: &Obligations<'_>, violations: &mut Vec<Violation>) {
    let Some(posted) = obligations.messages.get(&command) else {
        if let Some((_, said)) = sent.ok {
            violations.push(Violation::OkNotRecorded { command, said });
        }
        return;
    };
    let position = posted.event.position;
    match sent.ok {
        Some((_, said)) if said != position => violations.push(Violation::OkElsewhere { command, said, recorded: position }),
        Some((said, _)) if said != posted.message => {
            violations.push(Violation::OkOfAnother { command, said, position, recorded: posted.message });
        }
        Some(_) | None => {}
    }
    if let Some(code) = sent.refused {
        violations.push(Violation::RefusedYetRecorded { command, code: code.to_owned(), recorded: position });
    }
    if posted.thread != sent.thread || posted.author != sent.user || posted.event.actor != Some(sent.user) {
        violations.push(Violation::Misfiled { command, position });
    }
    if posted.text.as_deref() != Some(sent.text) {
        violations.push(Violation::TextChanged { command, position });
    }
    if position <= sent.after {
        violations.push(Violation::Reordered { command, position, after: sent.after });
    }
}
