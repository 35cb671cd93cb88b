//! Who somebody is here whom a provider vouches for.

use chrono::SubsecRound as _;
use posthaste_domain::claim::ClaimRefusal;
use posthaste_domain::text::{DisplayName, Email, Username};
use posthaste_domain::user::Profile;
use posthaste_domain::{Claim, ClaimId, CommandId, IdentityId, Refusal, User, UserId};

use super::{Returned, SignIns};
use crate::execute::{Command, Envelope, ExecuteError};
use crate::mail;
use crate::port::PortError;
use crate::port::accounts::Credentials;
use crate::port::identities::Identity;
use crate::port::identity_provider::Vouched;
use crate::port::one_time::Purpose;

/// How many usernames are tried for somebody whose own is taken.
const NAMES: usize = 10;
/// Most characters of a username that is made up, before what tells it from others.
const NAME: usize = 25;

/// Who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The user whom this identity is linked to.
    Linked(UserId),
    /// The user whose address it is, as both the provider and they themselves have shown.
    ByAddress(UserId),
    /// Nobody yet. Somebody may have been about to register as this user, and got no further.
    Nobody(Option<UserId>),
}

/// Why somebody whom a provider vouches for does not get in.
#[derive(Debug, thiserror::Error)]
pub enum NotSettled {
    /// Nobody can register here.
    #[error("nobody can register here")]
    Closed,
    /// The provider gives no address that one can write to.
    #[error("the provider gives no address to write to")]
    NoAddress,
    /// The address belongs to an account that it cannot be linked to without a login: one of the two has not shown that it is theirs.
    #[error("this address is taken: log in to its account, and link the provider to it")]
    Taken,
    /// It could not be done.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

impl From<PortError> for NotSettled {
    fn from(error: PortError) -> Self {
        Self::Execute(error.into())
    }
}

impl SignIns<'_> {
    /// Who somebody is whom a provider vouches for. Changes nothing.
    ///
    /// An address says who they are only if it is verified on both sides. An account whose own address is not may have been made by somebody else, in
    /// the hope that its owner logs in one day; and a provider that has not verified it lets anybody claim it.
    ///
    /// # Errors
    /// It cannot be looked up.
    pub async fn whom(&self, returned: &Returned) -> Result<Whom, ExecuteError> {
        let found = self.ports.identities.find(&returned.issuer, &returned.vouched.subject).await?;
        let mut reserved = None;
        if let Some(Identity { user, .. }) = found {
            if self.is_registered(user).await? {
                return Ok(Whom::Linked(user));
            }
            reserved = Some(user);
        }
        if let Some(email) = verified_address(&returned.vouched)
            && let Some(holder) = self.holder(ClaimId::email(&email)).await?
        {
            let account = self.executor.states().fresh::<User>(holder).await?;
            // Nobody becomes somebody who was erased; their address stays taken.
            if account.has_verified_email() && !account.is_erased() {
                return Ok(Whom::ByAddress(holder));
            }
        }
        Ok(Whom::Nobody(reserved))
    }

    /// Makes sure that somebody is who they are said to be: links them, or registers them. Nothing if others were faster: then they may be
    /// somebody else now.
    ///
    /// # Errors
    /// They cannot be linked or registered.
    pub async fn settle(&self, returned: &Returned, whom: Whom) -> Result<Option<UserId>, NotSettled> {
        match whom {
            Whom::Linked(user) => self.take_note(user, &returned.vouched).await.map(|()| Some(user)).map_err(Into::into),
            Whom::ByAddress(user) => Ok(self.link(returned, user).await?.filter(|linked| *linked == user)),
            Whom::Nobody(reserved) => self.register(returned, reserved).await,
        }
    }

    /// Links whom a provider vouches for to a user, and gives to whom they are linked now: to another, if they were before. Nothing if others
    /// were faster each time.
    ///
    /// # Errors
    /// It could not be done.
    pub async fn link(&self, returned: &Returned, user: UserId) -> Result<Option<UserId>, ExecuteError> {
        let Returned { issuer, vouched: Vouched { subject, .. }, .. } = returned;
        if let Some(found) = self.ports.identities.find(issuer, subject).await? {
            if found.user == user || self.is_registered(found.user).await? {
                return Ok(Some(found.user));
            }
            // Somebody was about to register by it, and got no further.
            self.ports.identities.remove(found.user).await?;
        }
        if !self.ports.identities.link(&self.identity(returned, user)).await? {
            return Ok(None);
        }
        // Whoever was erased meanwhile is not to be remembered by this.
        if self.executor.states().fresh::<User>(user).await?.is_erased() {
            self.ports.identities.remove(user).await?;
            return Ok(None);
        }
        self.take_note(user, &returned.vouched).await?;
        Ok(Some(user))
    }

    /// Registers somebody, as they would themselves, but without a password. The identity first: whatever a crash leaves behind, whoever logs in
    /// again is the same user, and goes on with it.
    async fn register(&self, returned: &Returned, reserved: Option<UserId>) -> Result<Option<UserId>, NotSettled> {
        if !self.may_register {
            return Err(NotSettled::Closed);
        }
        let vouched = &returned.vouched;
        let email = vouched.email.as_deref().and_then(|email| Email::parse(email).ok()).ok_or(NotSettled::NoAddress)?;
        let user = reserved.unwrap_or(UserId::new(self.ports.ids.next()));
        if self.holder(ClaimId::email(&email)).await?.is_some_and(|holder| holder != user) {
            // The identity comes first: by now it is that of the same person, in another window, who was faster.
            let faster = reserved.is_none() && self.ports.identities.find(&returned.issuer, &vouched.subject).await?.is_some();
            return if faster { Ok(None) } else { Err(NotSettled::Taken) };
        }
        if reserved.is_none() && !self.ports.identities.link(&self.identity(returned, user)).await? {
            return Ok(None);
        }
        self.ports.accounts.create(&Credentials { user, email: email.clone(), password_hash: None }).await?;
        // What an earlier try kept stays, even if the provider knows another address by now.
        let email = self.ports.accounts.find(user).await?.map_or(email, |kept| kept.email);
        if verified_address(vouched).is_none_or(|verified| verified.folded() != email.folded()) {
            mail::owe(self.ports, user.uuid(), Purpose::EmailVerification, email.clone()).await?;
        }
        for number in 0..NAMES {
            let username = self.username(vouched, number);
            if self.holder(ClaimId::username(&username)).await?.is_some_and(|holder| holder != user) {
                continue;
            }
            let display_name = vouched.name.as_deref().and_then(|name| DisplayName::choose(name).ok());
            let Some(display_name) = display_name.or_else(|| DisplayName::choose(username.as_str()).ok()) else { continue };
            let command = Command::RegisterUser { profile: Profile { username, display_name }, email: email.clone() };
            let envelope = Envelope { command: CommandId::new(user.uuid()), actor: None, ..self.envelope(user) };
            match self.executor.execute(envelope, command).await {
                Ok(_) => {
                    self.take_note(user, vouched).await?;
                    return Ok(Some(user));
                }
                // Somebody was faster with the name, or with the address, of which the next try tells.
                Err(ExecuteError::Refused(Refusal::Claim(ClaimRefusal::Taken))) => {}
                // The same person, with another name, in another window.
                Err(ExecuteError::CommandMismatch) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Err(NotSettled::Taken)
    }

    /// Takes note that the address of an account is its owner's, if the provider says so: what a mail with a link shows as well.
    async fn take_note(&self, user: UserId, vouched: &Vouched) -> Result<(), ExecuteError> {
        let Some(verified) = verified_address(vouched) else { return Ok(()) };
        let theirs = self.ports.accounts.find(user).await?.is_some_and(|kept| kept.email.folded() == verified.folded());
        if theirs && !self.executor.states().fresh::<User>(user).await?.has_verified_email() {
            self.executor.execute(self.envelope(user), Command::VerifyEmail {}).await?;
        }
        Ok(())
    }

    /// What to call somebody: what the provider calls them, or what stands before the sign of their address, as far as it can be a username; and
    /// if that is taken, something behind it that is not.
    fn username(&self, vouched: &Vouched, number: usize) -> Username {
        let sources = [vouched.username.as_deref(), vouched.email.as_deref()];
        let fit = |source: &str| -> String {
            let local = source.split('@').next().unwrap_or_default();
            local.chars().filter(|c| c.is_ascii_alphanumeric() || "_.-".contains(*c)).take(NAME).collect()
        };
        let mut names = sources.into_iter().flatten().map(fit).filter_map(|name| Username::parse(&name).ok());
        let name = match (names.next(), number) {
            (Some(name), 0) => return name,
            (Some(name), _) => name,
            (None, _) => Username::parse("user").expect("a username"),
        };
        let behind = self.ports.ids.next().as_u128() & 0xff_ffff;
        Username::parse(&format!("{name}-{behind:06x}")).unwrap_or(name)
    }

    async fn holder(&self, claim: ClaimId) -> Result<Option<UserId>, ExecuteError> {
        Ok(self.executor.states().fresh::<Claim>(claim).await?.state.holder())
    }

    async fn is_registered(&self, user: UserId) -> Result<bool, ExecuteError> {
        Ok(self.executor.states().fresh::<User>(user).await?.state != User::Unregistered)
    }

    fn identity(&self, returned: &Returned, user: UserId) -> Identity {
        Identity {
            id: IdentityId::new(self.ports.ids.next()),
            issuer: returned.issuer.clone(),
            subject: returned.vouched.subject.clone(),
            user,
            linked_at: self.ports.clock.now().trunc_subsecs(6),
        }
    }

    fn envelope(&self, actor: UserId) -> Envelope {
        let command = CommandId::new(self.ports.ids.next());
        Envelope { command, actor: Some(actor), correlation: self.correlation, at: self.ports.clock.now() }
    }
}

/// The address, if the provider says that it is theirs.
fn verified_address(vouched: &Vouched) -> Option<Email> {
    vouched.email.as_deref().filter(|_| vouched.email_verified).and_then(|email| Email::parse(email).ok())
}
