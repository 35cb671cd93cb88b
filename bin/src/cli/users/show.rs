//! Accounts and sessions, as they are shown.

use crate::cli::out::say;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use posthaste_application::port::Presence;
use posthaste_application::port::cursors::KnownDevice;
use posthaste_application::view::{Account, AccountFilter, Page, Views};
use posthaste_domain::User;
use posthaste_domain::text::fold;
use posthaste_domain::user::ServiceRole;
use serde_json::json;

/// Accounts read at once.
const READ: usize = 1_000;

/// Which accounts are listed.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Only those with this in the username or the display name
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only those who are suspended
    #[arg(long)]
    suspended: bool,
    /// Only those with this role: admin or auditor
    #[arg(long, value_parser = super::role)]
    role: Option<ServiceRole>,
}

/// Lists accounts.
pub(super) async fn accounts(views: &dyn Views, wanted: Wanted, json: bool) -> anyhow::Result<()> {
    let Wanted { search, suspended, role } = wanted;
    let filter = AccountFilter { matching: search.map(|text| fold(&text)), suspended: suspended.then_some(true), role };
    let mut page = Page { before: None, limit: READ };
    loop {
        let accounts = views.accounts(&filter, page).await?;
        for account in &accounts {
            say!("{}", line(account, json));
        }
        match accounts.last() {
            Some(last) if accounts.len() == READ => page.before = Some(last.person.registered),
            Some(_) | None => return Ok(()),
        }
    }
}

fn line(Account { person, suspended, roles }: &Account, json: bool) -> String {
    let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
    if json {
        let (username, display_name) = (&person.username, &person.display_name);
        let account = json!({
            "user": person.user, "username": username, "display_name": display_name, "registered": person.registered,
            "suspended": suspended, "roles": roles,
        });
        return account.to_string();
    }
    let name = person.username.as_deref().unwrap_or("(erased)");
    let is = roles.into_iter().chain(suspended.then_some("suspended")).collect::<Vec<_>>().join(", ");
    format!("{}  {name}{}{is}", person.user, if is.is_empty() { "" } else { "  " })
}

/// Shows the devices of somebody.
pub(super) async fn sessions(devices: &[KnownDevice], user: &User, presence: Option<&dyn Presence>, json: bool) -> anyhow::Result<()> {
    let all: Vec<_> = devices.iter().map(|known| known.device).collect();
    let connected: Vec<Option<bool>> = match presence {
        Some(presence) => presence.connected(&all).await?.into_iter().map(Some).collect(),
        None => vec![None; all.len()],
    };
    for (KnownDevice { device, cursor, generation, session, connected_at }, connected) in devices.iter().zip(connected) {
        let revoked = session.is_some_and(|session| user.has_revoked(session));
        if json {
            let shown = json!({
                "device": device.device, "session": session, "revoked": revoked, "connected": connected, "connected_at": connected_at,
                "connections": generation, "cursor": cursor,
            });
            say!("{shown}");
            continue;
        }
        let login = session.map_or_else(|| "an unknown login".to_owned(), |session| format!("login {session}"));
        let since = connected_at.map_or_else(|| "never noted".to_owned(), time);
        let state = [revoked.then_some("revoked"), connected.and_then(|connected| connected.then_some("connected"))];
        let state: Vec<_> = state.into_iter().flatten().collect();
        say!("device {}  {login}  since {since}  cursor {cursor}  {}", device.device, state.join(", "));
    }
    Ok(())
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
