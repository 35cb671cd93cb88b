//! Erasing somebody, and giving them everything that is known of them before.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use posthaste_application::content::erase::{Eraser, Erasure, Kept};
use posthaste_application::content::export::{Sources, export};
use posthaste_application::execute::Executed;
use posthaste_domain::UserId;
use serde_json::json;

use crate::cli::out::{private_file, say};
use crate::compose;
use crate::compose::people::People;

/// Erases somebody, once it is clear that this is meant.
pub(super) async fn run(people: &People, user: UserId, yes: bool, json: bool) -> anyhow::Result<()> {
    if !yes {
        confirm(user).await?;
    }
    let eraser = Eraser {
        executor: people.console.executor.clone(),
        keyring: people.keyring.clone(),
        kept: Kept {
            accounts: people.accounts.clone(),
            sessions: people.sessions.clone(),
            factors: people.factors.clone(),
            passkeys: people.passkeys.clone(),
            identities: people.identities.clone(),
            one_time: people.one_time.clone(),
            mail: Some(people.mail.clone()),
        },
    };
    let erased = eraser.erase(people.console.envelope(), Erasure::Asked, user).await;
    let Executed { position, repeated, .. } = erased.context("not all of it was done: run it again")?;
    if json {
        say!("{}", json!({ "user": user, "now": "erased", "position": position, "changed": !repeated }));
    } else if repeated {
        say!("{user} is erased already, since position {position}");
    } else {
        say!("{user} is erased, recorded at position {position}: what they said and how they were called can be read no more");
    }
    Ok(())
}

/// Asks for the id again: a wrong one cannot be undone.
async fn confirm(user: UserId) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        bail!("this cannot be undone: say --yes if it is meant");
    }
    let typed = tokio::task::spawn_blocking(move || {
        eprint!("What {user} said and how they are called is to be erased for ever. Type the id again to go on: ");
        io::stderr().flush()?;
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        anyhow::Ok(line)
    });
    ensure!(typed.await??.trim() == user.to_string(), "that is another id: nothing was done");
    Ok(())
}

/// Writes everything that is known of somebody into a file, for nobody else to read.
pub(super) async fn write(people: &People, user: UserId, file: &Path, json: bool) -> anyhow::Result<()> {
    let People { log, accounts, identities, sessions, passkeys, cursors, .. } = people;
    let sources = Sources {
        log: &**log,
        accounts: &**accounts,
        identities: &**identities,
        sessions: &**sessions,
        passkeys: &**passkeys,
        cursors: &**cursors,
    };
    let found = export(sources, user, compose::clock().now()).await?;
    let found = found.with_context(|| format!("there is no user {user}"))?;
    let text = serde_json::to_vec_pretty(&found)?;
    let shown = file.display();
    let mut written = private_file(file).with_context(|| format!("cannot write {shown}, which must not be there yet"))?;
    written.write_all(&text).and_then(|()| written.sync_all()).with_context(|| format!("cannot write {shown}"))?;
    let (messages, events) = (found.messages.len(), found.events.len());
    if json {
        say!("{}", json!({ "user": user, "file": file, "upto": found.upto, "messages": messages, "events": events }));
    } else {
        say!("{messages} messages and {events} events of {user}, and their account, are in {shown}");
    }
    Ok(())
}
