//! `posthaste users`: who there is, who may do what, and who may do nothing.

mod erase;
mod show;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use console::Term;
use posthaste_application::execute::{AdminCommand, Command, Decidable, Envelope, Executed, TwoFactorCommand};
use posthaste_application::port::accounts::Credentials;
use posthaste_application::port::cursors::KnownDevice;
use posthaste_application::port::secrets::PASSWORD_CHARACTERS;
use posthaste_domain::text::{DisplayName, Email, Username};
use posthaste_domain::user::{Profile, ServiceRole, SuspensionReason};
use posthaste_domain::{Claim, ClaimId, CommandId, SessionId, User, UserId};
use serde_json::json;

use super::Target;
use crate::cli::out::say;
use crate::compose::people::{People, people, views};

/// Devices read at once.
const READ: usize = 1_000;

/// See who there is, and say who may do what.
#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Make somebody an admin. A username that nobody has is registered, with a password from standard input
    CreateAdmin {
        /// The username
        #[arg(value_parser = Username::parse)]
        username: Username,
        /// Where to write to them; only for somebody new
        #[arg(long, value_parser = Email::parse)]
        email: Option<Email>,
        /// The name beside the username; only for somebody new
        #[arg(long, value_name = "NAME", value_parser = DisplayName::choose)]
        display_name: Option<DisplayName>,
        #[command(flatten)]
        target: Target,
    },
    /// Give somebody a role: admin or auditor
    Grant {
        /// A username or an id
        user: String,
        /// Which
        #[arg(value_parser = role)]
        role: ServiceRole,
        #[command(flatten)]
        target: Target,
    },
    /// Take a role from somebody
    Withdraw {
        /// A username or an id
        user: String,
        /// Which
        #[arg(value_parser = role)]
        role: ServiceRole,
        #[command(flatten)]
        target: Target,
    },
    /// List accounts, the newest first
    List {
        #[command(flatten)]
        wanted: show::Wanted,
        #[command(flatten)]
        target: Target,
    },
    /// Let somebody do nothing any more: nothing of theirs is taken, and their sockets are closed within five seconds
    Suspend {
        /// A username or an id
        user: String,
        /// Why, for the log: spam, abuse, compromised, legal, requested
        #[arg(long, value_parser = reason)]
        reason: Option<SuspensionReason>,
        #[command(flatten)]
        target: Target,
    },
    /// End a suspension
    Reinstate {
        /// A username or an id
        user: String,
        #[command(flatten)]
        target: Target,
    },
    /// Take the second factor from somebody who has lost it, recovery codes and all: then the password alone is enough to log in
    DisableTwoFactor {
        /// A username or an id
        user: String,
        #[command(flatten)]
        target: Target,
    },
    /// Erase what somebody said and how they are called, for ever: on every server within two seconds, and in every copy of the log. Nobody
    /// can use the account again, and its names stay taken
    Erase {
        /// A username or an id
        user: String,
        /// Do not ask whether it is meant
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Write everything that is known of somebody into a file, as JSON, for them
    Export {
        /// A username or an id
        user: String,
        /// Where to; must not be there yet
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// Show the devices of somebody, and the logins they were connected with last
    Sessions {
        /// A username or an id
        user: String,
        #[command(flatten)]
        target: Target,
    },
    /// End a login of somebody, or all that are known from their devices
    Revoke {
        /// A username or an id
        user: String,
        /// Which login
        #[arg(required_unless_present = "all")]
        session: Option<SessionId>,
        /// All of them. What was used over REST alone is on no device: to end whatever there is, suspend the user
        #[arg(long, conflicts_with = "session")]
        all: bool,
        #[command(flatten)]
        target: Target,
    },
}

fn role(text: &str) -> Result<ServiceRole, String> {
    let roles = ServiceRole::ALL;
    roles
        .into_iter()
        .find(|role| role.as_str() == text)
        .ok_or_else(|| format!("the roles are {}", roles.map(ServiceRole::as_str).join(", ")))
}

fn reason(text: &str) -> Result<SuspensionReason, String> {
    let reasons = SuspensionReason::ALL;
    let found = reasons.into_iter().find(|reason| reason.as_str() == text);
    found.ok_or_else(|| format!("the reasons are {}", reasons.map(SuspensionReason::as_str).join(", ")))
}

/// Does what is asked.
pub(crate) async fn run(file: Option<&Path>, command: UsersCommand) -> anyhow::Result<()> {
    let (UsersCommand::CreateAdmin { target, .. }
    | UsersCommand::Grant { target, .. }
    | UsersCommand::Withdraw { target, .. }
    | UsersCommand::List { target, .. }
    | UsersCommand::Suspend { target, .. }
    | UsersCommand::Reinstate { target, .. }
    | UsersCommand::DisableTwoFactor { target, .. }
    | UsersCommand::Erase { target, .. }
    | UsersCommand::Export { target, .. }
    | UsersCommand::Sessions { target, .. }
    | UsersCommand::Revoke { target, .. }) = &command;
    let (config, json) = (target.load(file)?, target.json);
    let may_begin = matches!(command, UsersCommand::CreateAdmin { .. });
    let people = people(&config, may_begin).await?;
    match command {
        UsersCommand::CreateAdmin { username, email, display_name, .. } => {
            let user = match people.holder(&username).await? {
                Some(user) => user,
                None => people.register(username, email, display_name).await?,
            };
            people.administer(AdminCommand::GrantRole { user, role: ServiceRole::Admin }, user, "admin", json).await
        }
        UsersCommand::Grant { user, role, .. } => {
            let user = people.find(&user).await?;
            people.administer(AdminCommand::GrantRole { user, role }, user, role.as_str(), json).await
        }
        UsersCommand::Withdraw { user, role, .. } => {
            let user = people.find(&user).await?;
            let said = format!("not {}", role.as_str());
            people.administer(AdminCommand::WithdrawRole { user, role }, user, &said, json).await
        }
        UsersCommand::List { wanted, .. } => show::accounts(&*views(&config).await?, wanted, json).await,
        UsersCommand::Suspend { user, reason, .. } => {
            let user = people.find(&user).await?;
            people.administer(AdminCommand::Suspend { user, reason }, user, "suspended", json).await
        }
        UsersCommand::Reinstate { user, .. } => {
            let user = people.find(&user).await?;
            people.administer(AdminCommand::Reinstate { user }, user, "not suspended", json).await
        }
        UsersCommand::DisableTwoFactor { user, .. } => {
            let user = people.find(&user).await?;
            if let Some(factor) = people.factors.find(user).await? {
                people.factors.remove(user, factor.id).await?;
            }
            // Whoever has lost everything has lost these as well, and somebody may have found them.
            people.passkeys.remove_all(user).await?;
            people.administer(TwoFactorCommand { user, enabled: false }, user, "without a second factor", json).await
        }
        UsersCommand::Erase { user, yes, .. } => erase::run(&people, people.find(&user).await?, yes, json).await,
        UsersCommand::Export { user, output, .. } => erase::write(&people, people.find(&user).await?, &output, json).await,
        UsersCommand::Sessions { user, .. } => {
            let user = people.find(&user).await?;
            let devices = people.devices(user).await?;
            let state = people.console.executor.states().fresh::<User>(user).await?;
            show::sessions(&devices, &state, people.presence.as_deref(), json).await
        }
        UsersCommand::Revoke { user, session, all: _, .. } => {
            let user = people.find(&user).await?;
            people.revoke(user, session, json).await
        }
    }
}

impl People {
    /// Who has this username.
    async fn holder(&self, username: &Username) -> anyhow::Result<Option<UserId>> {
        Ok(self.console.executor.states().fresh::<Claim>(ClaimId::username(username)).await?.holder())
    }

    /// Somebody by their username or id.
    async fn find(&self, name: &str) -> anyhow::Result<UserId> {
        let name = name.strip_prefix('@').unwrap_or(name);
        let user = match (name.parse::<UserId>(), Username::parse(name)) {
            (Ok(user), _) => self.console.executor.states().fresh::<User>(user).await?.registered().is_ok().then_some(user),
            (Err(_), Ok(username)) => self.holder(&username).await?,
            (Err(_), Err(_)) => None,
        };
        user.with_context(|| format!("there is no user {name}"))
    }

    /// Registers somebody, as they would themselves.
    async fn register(&self, username: Username, email: Option<Email>, display_name: Option<DisplayName>) -> anyhow::Result<UserId> {
        let email = email.with_context(|| format!("there is no user {username}: give --email to register them"))?;
        let display_name = display_name.map_or_else(|| DisplayName::choose(username.as_str()), Ok)?;
        let password = password().await?;
        let user = UserId::new(self.console.ids.next());
        let password_hash = self.passwords.hash(password).await?;
        // Before the command, so that a registered user always has them.
        self.accounts.create(&Credentials { user, email: email.clone(), password_hash: Some(password_hash) }).await?;
        let register = Command::RegisterUser { profile: Profile { username, display_name }, email };
        let envelope = Envelope { command: CommandId::new(user.uuid()), ..self.console.envelope() };
        self.console.executor.execute(envelope, register).await.context("they cannot be registered")?;
        Ok(user)
    }

    /// Does something to somebody, and says what they are now.
    async fn administer(&self, asked: impl Decidable, user: UserId, now: &str, json: bool) -> anyhow::Result<()> {
        let Executed { position, repeated, .. } = self.console.execute(asked).await?;
        if json {
            say!("{}", json!({ "user": user, "now": now, "position": position, "changed": !repeated }));
        } else if repeated {
            say!("{user} is {now} already, since position {position}");
        } else {
            say!("{user} is {now}, recorded at position {position}");
        }
        Ok(())
    }

    /// Every device of somebody.
    async fn devices(&self, user: UserId) -> anyhow::Result<Vec<KnownDevice>> {
        let mut devices: Vec<KnownDevice> = Vec::new();
        loop {
            let more = self.cursors.devices(Some(user), devices.last().map(|known| known.device), READ).await?;
            let whole = more.len() < READ;
            devices.extend(more);
            if whole {
                return Ok(devices);
            }
        }
    }

    /// Ends one login, or all that are known.
    async fn revoke(&self, user: UserId, session: Option<SessionId>, json: bool) -> anyhow::Result<()> {
        let sessions = match session {
            Some(session) => vec![session],
            None => {
                let mut known: Vec<_> = self.devices(user).await?.into_iter().filter_map(|known| known.session).collect();
                known.extend(self.sessions.of_user(user).await?.into_iter().map(|session| session.id));
                known.sort_unstable();
                known.dedup();
                known
            }
        };
        for session in sessions {
            let asked = AdminCommand::EndSession { user, session };
            let Executed { position, repeated, .. } = self.console.execute(asked).await?;
            self.sessions.remove(user, &[session]).await?;
            if json {
                say!("{}", json!({ "user": user, "session": session, "position": position, "changed": !repeated }));
            } else {
                say!("{session} is ended{}, at position {position}", if repeated { " already" } else { "" });
            }
        }
        Ok(())
    }
}

/// A password: typed where nobody sees it, or the first line of standard input.
async fn password() -> anyhow::Result<String> {
    let typed = tokio::task::spawn_blocking(|| {
        if !io::stdin().is_terminal() {
            let mut line = String::new();
            io::stdin().read_line(&mut line)?;
            return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
        }
        let term = Term::stderr();
        let ask = |what: &str| {
            eprint!("{what}: ");
            term.read_secure_line()
        };
        let (first, again) = (ask("Password")?, ask("Again")?);
        ensure!(first == again, "the two are not the same");
        anyhow::Ok(first)
    });
    let password = typed.await??;
    let (least, most) = PASSWORD_CHARACTERS.into_inner();
    if !PASSWORD_CHARACTERS.contains(&password.chars().count()) {
        bail!("a password has {least} to {most} characters; give it on standard input");
    }
    Ok(password)
}
