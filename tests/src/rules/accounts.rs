//! Who there is, what they are to the service, and who may say so.

use anyhow::{Context as _, ensure};
use posthaste_domain::UserId;
use posthaste_domain::user::{Privacy, ServiceRole, UserEvent};

use super::World;

impl World {
    pub(super) fn user(&mut self, event: UserEvent, actor: Option<UserId>) -> anyhow::Result<()> {
        let is = |user: UserId| {
            ensure!(actor.is_none_or(|actor| actor == user), "it says that {user} did it, and {actor:?} asked for it");
            Ok(())
        };
        match event {
            UserEvent::Registered { user, .. } => {
                ensure!(self.users.insert(user, Privacy::default()).is_none(), "registered twice");
                return Ok(());
            }
            UserEvent::PrivacySet { user, presence, last_seen, read_receipts } => {
                is(user)?;
                let privacy = Privacy { presence, last_seen, read_receipts };
                let before = self.users.insert(user, privacy).with_context(|| format!("{user} is not registered"))?;
                ensure!(before != privacy, "it held already");
                return Ok(());
            }
            UserEvent::SessionRevoked { user, session } => {
                // Their own, or an admin.
                is(user).or_else(|_| self.runs_the_service(actor))?;
                self.exists(user)?;
                ensure!(self.revoked.insert((user, session)), "it was revoked already");
                return Ok(());
            }
            UserEvent::EmailVerified { user } => {
                is(user)?;
                self.exists(user)?;
                ensure!(self.verified.insert(user), "it was verified already");
                return Ok(());
            }
            UserEvent::TwoFactorEnabled { user } | UserEvent::TwoFactorDisabled { user } => {
                // Their own, or the server at its console.
                is(user)?;
                self.exists(user)?;
                let enabled = matches!(event, UserEvent::TwoFactorEnabled { .. });
                let changes = if enabled { self.two_factor.insert(user) } else { self.two_factor.remove(&user) };
                ensure!(changes, "it held already");
                return Ok(());
            }
            UserEvent::DeletionRequested { user, .. } => {
                is(user)?;
                self.exists(user)?;
                ensure!(self.leaving.insert(user), "it held already");
                return Ok(());
            }
            UserEvent::DeletionCancelled { user } => {
                is(user)?;
                ensure!(self.leaving.remove(&user), "it was not asked for");
                return Ok(());
            }
            UserEvent::RoleGranted { .. }
            | UserEvent::RoleWithdrawn { .. }
            | UserEvent::Suspended { .. }
            | UserEvent::Reinstated { .. }
            | UserEvent::Erased { .. } => {}
        }
        let allowed = self.runs_the_service(actor);
        let (user, changes) = match event {
            UserEvent::RoleGranted { user, role } => (user, self.roles.insert((user, role))),
            UserEvent::RoleWithdrawn { user, role } => (user, self.roles.remove(&(user, role))),
            UserEvent::Suspended { user, reason: _ } => (user, self.suspended.insert(user)),
            UserEvent::Reinstated { user } => (user, self.suspended.remove(&user)),
            UserEvent::Erased { user } => {
                // They do nothing any more, either.
                self.suspended.insert(user);
                (user, self.erased.insert(user))
            }
            UserEvent::Registered { .. }
            | UserEvent::PrivacySet { .. }
            | UserEvent::SessionRevoked { .. }
            | UserEvent::EmailVerified { .. }
            | UserEvent::TwoFactorEnabled { .. }
            | UserEvent::TwoFactorDisabled { .. }
            | UserEvent::DeletionRequested { .. }
            | UserEvent::DeletionCancelled { .. } => return Ok(()),
        };
        allowed?;
        self.exists(user)?;
        ensure!(changes, "it held already");
        // Whoever acts remains, so somebody does.
        self.runs_the_service(actor).context("nobody may do it to themselves")
    }

    fn exists(&self, user: UserId) -> anyhow::Result<()> {
        ensure!(self.users.contains_key(&user), "{user} is not registered");
        Ok(())
    }

    /// Refuses whoever is neither the server nor an admin who is not suspended.
    pub(super) fn runs_the_service(&self, actor: Option<UserId>) -> anyhow::Result<()> {
        let Some(actor) = actor else { return Ok(()) };
        let admin = self.roles.contains(&(actor, ServiceRole::Admin));
        ensure!(admin && !self.suspended.contains(&actor), "{actor} is no admin, or suspended");
        Ok(())
    }
}
