//! `posthaste doctor`: is everything as it must be, and if not, what is to be done?

use std::path::Path;

use anyhow::bail;
use posthaste_application::doctor::{Finding, Verdict, worst};

use super::Target;
use crate::cli::out::say;
use crate::compose;

/// Looks at everything and says what it found, line by line.
pub(crate) async fn run(file: Option<&Path>, target: &Target) -> anyhow::Result<()> {
    let mut findings = Vec::new();
    match target.load(file) {
        Ok(config) => {
            findings.push(Finding::ok("configuration", "the configuration can be read, and every key is known"));
            findings.extend(compose::doctor::examine(&config).await);
        }
        Err(error) => findings.push(Finding::fail("configuration", format!("{error:#}"), "see bin/config.default.toml for every key")),
    }
    for finding in &findings {
        if target.json { say!("{}", serde_json::to_string(finding)?) } else { print(finding) }
    }
    let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
    match worst(&findings) {
        Verdict::Ok | Verdict::Warn => Ok(()),
        Verdict::Fail => bail!("{failed} of {} checks failed", findings.len()),
    }
}

fn print(Finding { check, verdict, says, remedy }: &Finding) {
    let verdict = match verdict {
        Verdict::Ok => "ok",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
    };
    say!("{verdict:<5} {check:<14} {says}");
    if let Some(remedy) = remedy {
        say!("{:20} → {remedy}", "");
    }
}
