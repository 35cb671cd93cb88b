//! What must never be in the output of a server: passwords, tokens, tickets, addresses, and what people write.
//!
//! Every actor says here what it keeps secret and what it writes, and every [`Node`](crate::Node) is held against that when it ends, and the
//! shared ones whenever a test takes them. So the logs of all suites are read, whatever a test is about.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aho_corasick::AhoCorasick;
use serde_json::Value;

/// Fields of requests and frames that nobody else may read.
const SECRET: [&str; 8] = ["password", "new_password", "current_password", "token", "ticket", "refresh_token", "passcode", "email"];
/// Fields in which people write.
const WRITTEN: [&str; 4] = ["text", "title", "description", "display_name"];
/// What is shorter is found by chance.
const SHORTEST: usize = 8;
/// More than that are more than a search needs to notice that something is logged.
const MOST: usize = 20_000;

static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn known() -> MutexGuard<'static, BTreeSet<String>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something that must not be in any output.
pub fn remember(secret: &str) {
    let mut known = known();
    if secret.len() >= SHORTEST && known.len() < MOST && !known.contains(secret) {
        known.insert(secret.to_owned());
    }
}

/// Everything of the kind in a request or a frame.
pub fn remember_all(said: &Value) {
    match said {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(secret) if SECRET.contains(&name.as_str()) => remember(secret),
                    // A single word may be one of the server's own.
                    Some(text) if WRITTEN.contains(&name.as_str()) && text.contains(' ') => remember(text),
                    Some(_) => {}
                    None => remember_all(value),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(remember_all),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The first lines of an output that have something of it in them.
///
/// # Panics
/// There is more of it than can be searched for.
#[must_use]
pub fn leaks(output: &str) -> Vec<String> {
    let known = known();
    if output.is_empty() || known.is_empty() {
        return Vec::new();
    }
    let search = AhoCorasick::new(known.iter()).expect("it fits into memory");
    drop(known);
    let mut lines: Vec<_> = search.find_iter(output).map(|found| line_around(output, found.start())).collect();
    lines.dedup();
    lines.truncate(5);
    lines
}

fn line_around(output: &str, at: usize) -> String {
    let (before, after) = output.split_at(at);
    let begin = before.rfind('\n').map_or(0, |end| end + 1);
    let end = after.find('\n').map_or(output.len(), |end| at + end);
    output[begin..end].chars().take(1_000).collect()
}

/// Fails the test whose server says what it must not.
///
/// # Panics
/// With the lines.
pub fn uphold(name: &str, output: &str) {
    let leaks = leaks(output);
    // Whoever panics already has something more urgent to say.
    assert!(leaks.is_empty() || std::thread::panicking(), "{name} has logged what must not be logged: {leaks:#?}");
}
