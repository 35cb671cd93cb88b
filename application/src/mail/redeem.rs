//! What comes of a token that is given back.

use posthaste_domain::{CommandId, User};

use super::OneTimeToken;
use super::token::bound;
use crate::execute::{Command, Envelope, ExecuteError, Executed};
use crate::login::Logins;
use crate::port::PortError;
use crate::port::Ports;
use crate::port::accounts::Credentials;
use crate::port::one_time::{OneTime, Purpose};

/// Sets somebody's password anew, forgets what else they log in with, and ends every login of theirs; gives whether the token was good. Then it is not any more, nor is any
/// other that they were sent.
///
/// Broken off anywhere, the same token with the same password goes on with it.
///
/// # Errors
/// They are suspended; or it could not be done, and perhaps only the logins could not be ended.
pub async fn reset_password(logins: &Logins<'_>, token: &str, password: String) -> Result<bool, ExecuteError> {
    let ports = logins.ports;
    let Some((token, credentials)) = find(ports, Purpose::PasswordReset, token).await? else { return Ok(false) };
    let Credentials { user, password_hash: before, .. } = &credentials;
    logins.executor.states().fresh::<User>(*user).await?.active()?;
    if token.bound == bound(Purpose::PasswordReset, &credentials) {
        let hash = ports.passwords.hash(password).await?;
        if !ports.accounts.replace_hash(*user, before.as_deref(), &hash).await? {
            return Ok(false);
        }
    } else if !ports.passwords.verify(password, before.clone()).await? {
        // If the password is the one that is kept, this goes on with what was broken off.
        return Ok(false);
    }
    // Whoever made the account with somebody else's address may have linked themselves to it. Its owner is linked again when they log in there.
    ports.identities.remove(*user).await?;
    logins.end_all(*user, None).await?;
    ports.one_time.remove(*user, Purpose::PasswordReset).await?;
    Ok(true)
}

/// Takes note that somebody's address is theirs; nothing if the token is not good.
///
/// # Errors
/// They are suspended; or it could not be recorded.
pub async fn verify_email(logins: &Logins<'_>, token: &str) -> Result<Option<Executed>, ExecuteError> {
    let ports = logins.ports;
    let Some((token, credentials)) = find(ports, Purpose::EmailVerification, token).await? else { return Ok(None) };
    let user = credentials.user;
    if token.bound != bound(Purpose::EmailVerification, &credentials) {
        return Ok(None);
    }
    let command = CommandId::new(ports.ids.next());
    let envelope = Envelope { command, actor: Some(user), correlation: logins.correlation, at: ports.clock.now() };
    let executed = logins.executor.execute(envelope, Command::VerifyEmail {}).await?;
    // Afterwards: what a crash leaves between the two finds that it is so already.
    ports.one_time.remove(user, Purpose::EmailVerification).await?;
    Ok(Some(executed))
}

/// What is kept of a token that has not run out, and of whom it was sent to.
async fn find(ports: &Ports, purpose: Purpose, token: &str) -> Result<Option<(OneTime, Credentials)>, PortError> {
    let Some(token) = OneTimeToken::parse(token) else { return Ok(None) };
    let Some(token) = ports.one_time.find(&token.digest()).await? else { return Ok(None) };
    if token.purpose != purpose || token.expires_at <= ports.clock.now() {
        return Ok(None);
    }
    Ok(ports.accounts.find(token.user).await?.map(|credentials| (token, credentials)))
}
