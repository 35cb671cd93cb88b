//! What a doctor says of a deployment: what was looked at, how it is, and what to do about it. Here is what holds whatever the technology;
//! what is asked of a technology, its adapter judges.

use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;

use crate::chain::{Broken, Verifier};
use crate::content::Keyring;
use crate::content::rotate::wraps;
use crate::health::Progress;
use crate::port::dead::Consumer;
use crate::port::{EventLog, PortError};
use crate::recorded::Position;

/// How far clocks may be apart before tokens, leases and times that are told go wrong in the smallest of ways.
const SKEW_WARN: Duration = Duration::from_secs(1);
/// And how far before they go wrong altogether: a socket ticket lives for half a minute.
const SKEW_FAIL: Duration = Duration::from_secs(30);
/// Free bytes of the disk below which it is time to do something, and below which it is nearly too late.
const DISK: (u64, u64) = (2 << 30, 256 << 20);
/// How far back the log is read.
const READ: u64 = 256;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it must be.
    Ok,
    /// It works, and something should be done.
    Warn,
    /// It does not work, or not safely.
    Fail,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `schema`, `rights`, `disk`.
    pub check: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen, in one sentence.
    pub says: String,
    /// What to do about it, if there is anything to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, says: says.into(), remedy: None }
    }

    /// It works, but.
    pub fn warn(check: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warn, says: says.into(), remedy: Some(remedy.into()) }
    }

    /// It does not.
    pub fn fail(check: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Fail, says: says.into(), remedy: Some(remedy.into()) }
    }
}

/// The worst of them.
#[must_use]
pub fn worst(findings: &[Finding]) -> Verdict {
    findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok)
}

/// Whether anybody has come further than the log, which means that it is not the one they read.
#[must_use]
pub fn of_progress(progress: &Progress) -> Vec<Finding> {
    let beyond = |check, who: &str, checkpoint: Position, remedy: &str| {
        let head = progress.head;
        if progress.is_beyond(checkpoint) {
            let says = format!("{who} is at position {checkpoint}, and the log ends at {head}: an older log was put in its place");
            Finding::fail(check, says, remedy)
        } else {
            Finding::ok(check, format!("{who} is at position {checkpoint}, {} behind the end of the log", head.0 - checkpoint.0))
        }
    };
    let relay =
        beyond("relay", "the relay", progress.relay, "restore the log up to there, or reset the relay's checkpoint: see OPERATIONS.md");
    let views = progress.views.iter().map(|(view, checkpoint)| {
        beyond("views", &format!("the view {view}"), *checkpoint, "restore the log up to there, or rebuild the view: see OPERATIONS.md")
    });
    std::iter::once(relay).chain(views).collect()
}

/// Whether what people said can be read, and by what its keys are wrapped.
pub async fn of_content(keyring: &Keyring) -> Finding {
    const CHECK: &str = "content";
    let wraps = match wraps(keyring).await {
        Ok(wraps) => wraps,
        Err(error) => {
            return Finding::fail(CHECK, format!("the keys of content cannot be read: {}", error.in_full()), "see what the database says");
        }
    };
    let (all, current) = (wraps.by.values().sum::<u64>(), wraps.by.get(&keyring.masters().name()).copied().unwrap_or_default());
    let unknown = wraps.by.keys().filter(|name| !keyring.masters().knows(**name)).count();
    let says = format!("{current} of {all} keys are wrapped by content.master_key, {} were destroyed", wraps.destroyed);
    if unknown > 0 {
        Finding::fail(CHECK, format!("{says}, and {unknown} of the master keys are not configured"), "add them to content.accepted_keys")
    } else if current < all {
        Finding::warn(CHECK, says, "run `posthaste keys rotate`")
    } else {
        Finding::ok(CHECK, says)
    }
}

/// Whether there are dead letters.
#[must_use]
pub fn of_dead_letters(counts: &[(Consumer, u64)]) -> Finding {
    const CHECK: &str = "dead letters";
    if counts.is_empty() {
        return Finding::ok(CHECK, "views and webhooks take everything");
    }
    let said: Vec<_> = counts.iter().map(|(consumer, letters)| format!("{letters} of {consumer}")).collect();
    let remedy = "see `posthaste dead list` for the reasons; when they are gone, `posthaste dead retry`, or else `posthaste dead drop`";
    Finding::warn(CHECK, format!("streams are parked: {}", said.join(", ")), remedy)
}

/// How far the clock of the database is ahead of the one here, give or take what the answer took.
#[must_use]
pub fn of_clocks(ahead: TimeDelta, took: Duration) -> Finding {
    const CHECK: &str = "clock";
    let apart = ahead.abs().to_std().unwrap_or(Duration::MAX).saturating_sub(took);
    let says = format!("the clocks of this host and the database are {} ms apart, give or take {}", apart.as_millis(), took.as_millis());
    let remedy = "keep the clocks of all hosts together with NTP";
    if apart >= SKEW_FAIL {
        Finding::fail(CHECK, says, remedy)
    } else if apart >= SKEW_WARN {
        Finding::warn(CHECK, says, remedy)
    } else {
        Finding::ok(CHECK, says)
    }
}

/// How much room is left where something is: `the data is`.
#[must_use]
pub fn of_disk(what: &str, free_bytes: u64) -> Finding {
    const CHECK: &str = "disk";
    let says = format!("{} MiB are free where {what}", free_bytes >> 20);
    let remedy = "make room: what is written there only grows, and nothing is accepted, or sealed, that cannot be written";
    if free_bytes < DISK.1 {
        Finding::fail(CHECK, says, remedy)
    } else if free_bytes < DISK.0 {
        Finding::warn(CHECK, says, remedy)
    } else {
        Finding::ok(CHECK, says)
    }
}

/// Whether the end of the log can be read, and is linked to the head as it must be.
pub async fn of_log(log: &dyn EventLog) -> Finding {
    const CHECK: &str = "log";
    let remedy = "run `posthaste log verify`, which names the first bad position, and restore what was there: see OPERATIONS.md";
    match end_of_log(log).await {
        Ok(Ok((0, _))) => Finding::ok(CHECK, "the log is empty"),
        Ok(Ok((events, head))) => {
            Finding::ok(CHECK, format!("the last {events} events up to {head} can be read, and are linked as they must be"))
        }
        Ok(Err(broken)) => Finding::fail(CHECK, format!("the end of the log is not what was recorded: {broken}"), remedy),
        Err(error) => {
            let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            Finding::fail(CHECK, format!("the log cannot be read: {error}{source}"), remedy)
        }
    }
}

async fn end_of_log(log: &dyn EventLog) -> Result<Result<(u64, Position), Broken>, PortError> {
    let head = log.head().await?;
    let from = Position(head.position.0.saturating_sub(READ + 1));
    let limit = usize::try_from(READ + 1).unwrap_or(usize::MAX);
    let events = log.read(from, limit).await?;
    let events = events.into_iter().take_while(|event| event.position <= head.position).collect::<Vec<_>>();
    let mut verifier = Verifier::default();
    let mut links = events.iter();
    // What was before the first of them is taken as it says; the others must follow on it.
    if from > Position::START
        && let Some(first) = links.next()
    {
        verifier = Verifier::after(first.position, first.hash);
    }
    let mut checked = 0;
    for event in links {
        if let Err(broken) = verifier.check(event) {
            return Ok(Err(broken));
        }
        checked += 1;
    }
    Ok(verifier.finish(head).map(|()| (checked, head.position)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::ViewName;

    #[test]
    fn the_worst_finding_is_what_counts() {
        let (ok, warn, fail) = (Finding::ok("a", "fine"), Finding::warn("b", "hm", "do"), Finding::fail("c", "no", "do"));
        assert_eq!(worst(&[]), Verdict::Ok);
        assert_eq!(worst(&[ok.clone(), warn.clone()]), Verdict::Warn);
        assert_eq!(worst(&[warn, fail, ok]), Verdict::Fail);
    }

    #[test]
    fn clocks_that_are_apart_are_found_but_for_what_the_answer_took() {
        let verdict = |ahead_ms, took_ms| of_clocks(TimeDelta::milliseconds(ahead_ms), Duration::from_millis(took_ms)).verdict;
        assert_eq!(
            (verdict(0, 5), verdict(999, 0), verdict(-999, 0), verdict(1_400, 500)),
            (Verdict::Ok, Verdict::Ok, Verdict::Ok, Verdict::Ok)
        );
        assert_eq!((verdict(1_000, 0), verdict(-29_999, 0)), (Verdict::Warn, Verdict::Warn));
        assert_eq!((verdict(30_000, 0), verdict(-3_600_000, 9)), (Verdict::Fail, Verdict::Fail));
    }

    #[test]
    fn a_disk_is_warned_of_before_it_is_too_late() {
        assert_eq!(
            [3 << 30, 1 << 30, 1 << 20].map(|free| of_disk("the data is", free).verdict),
            [Verdict::Ok, Verdict::Warn, Verdict::Fail]
        );
    }

    #[test]
    fn dead_letters_are_a_warning_that_says_of_whom() {
        assert_eq!(of_dead_letters(&[]).verdict, Verdict::Ok);
        let found = of_dead_letters(&[(Consumer::View(ViewName::Timeline), 2), (Consumer::Webhook("crm".to_owned()), 1)]);
        assert_eq!((found.verdict, found.says.as_str()), (Verdict::Warn, "streams are parked: 2 of view:timeline, 1 of webhook:crm"));
    }

    #[test]
    fn whoever_is_beyond_the_log_is_found() {
        let views = vec![("threads", Position(9)), ("people", Position(11))];
        let findings = of_progress(&Progress { head: Position(10), relay: Position(12), views });
        assert_eq!(findings.iter().map(|finding| finding.verdict).collect::<Vec<_>>(), [Verdict::Fail, Verdict::Ok, Verdict::Fail]);
        assert!(findings.iter().all(|finding| (finding.verdict == Verdict::Ok) == finding.remedy.is_none()));
    }
}
