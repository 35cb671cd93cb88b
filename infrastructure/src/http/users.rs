use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use posthaste_application::execute::{Command, Executed};
use posthaste_application::mail;
use posthaste_application::port::accounts::Credentials;
use posthaste_application::port::one_time::Purpose;
use posthaste_application::port::secrets::PASSWORD_CHARACTERS;
use posthaste_application::problem::{Code, Problem};
use posthaste_application::view::ViewName;
use posthaste_domain::text::{DisplayName, Email, Username};
use posthaste_domain::user::Profile;
use posthaste_domain::{Claim, ClaimId, User, UserId};
use uuid::Uuid;

use super::Tag;
use super::answer::Answer;
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::page::{Asked, Items, SOUGHT_LEAST, looked_for};
use super::problem::{ApiError, Failed, failures};
use super::profile::Shown;

pub(super) struct Users;

/// Who wants to be a user.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Registration {
    /// A handle of 3 to 32 letters, digits, `_`, `.` and `-`; unique without regard to case.
    username: String,
    /// An address to write to; unique without regard to case, and never shown to others.
    email: String,
    /// 8 to 128 characters.
    password: String,
    /// What others see beside the username: 1 to 64 characters.
    display_name: String,
}

impl Example for Registration {
    fn example() -> Self {
        Self {
            username: "alice".to_owned(),
            email: "alice@example.com".to_owned(),
            password: "correct horse battery staple".to_owned(),
            display_name: "Alice Ashgrove".to_owned(),
        }
    }
}

/// A new user.
#[derive(Object)]
#[oai(example)]
struct Registered {
    /// Who they are to others.
    user: Shown,
    /// Where it was recorded.
    position: u64,
}

impl Example for Registered {
    fn example() -> Self {
        Self { user: Shown::example(), position: 3 }
    }
}

#[derive(ApiResponse)]
enum Created {
    /// The user is registered. A retry with the same key gets the same answer.
    #[oai(status = 201)]
    Created(Json<Registered>),
}

failures! {
    RegisterFailures = BODY COMMAND [
        403: "`registration_closed`: nobody can register here.",
        409: "`conflict`: the username or the email address is taken.",
    ]
}
failures! { LookupFailures = BEARER VIEW }
failures! { GetFailures = BEARER [404: "`not_found`: there is no such user."] }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Users")]
impl Users {
    /// Register
    ///
    /// Becomes a user. The user's id is the `Idempotency-Key`. Log in with `POST /v1/sessions` afterwards. A mail with a link goes to the
    /// address, by which it is verified.
    #[oai(path = "/users", method = "post", operation_id = "register_user")]
    async fn register(
        &self,
        call: Call,
        /// A UUID, the same on every retry. Generated when absent; then the request cannot be retried.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<Registration>,
    ) -> Result<Created, Failed<RegisterFailures>> {
        if call.app.registration == super::Registration::Closed {
            return Err(Code::RegistrationClosed.into());
        }
        let Registration { username, email, password, display_name } = body.0;
        let profile = Profile { username: Username::parse(&username)?, display_name: DisplayName::choose(&display_name)? };
        let email = Email::parse(&email)?;
        check_length(&password)?;
        let envelope = call.envelope(None, key.0);
        let user = UserId::new(envelope.command.uuid());

        // A registered user's credentials are theirs: a retry asks the log, and nobody can try passwords here.
        if call.state::<User>(user).await?.state == User::Unregistered {
            check_free(&call, user, &profile.username, &email).await?;
            // Before the command, so that a registered user always has them: what a crash leaves in between, the retry finds.
            keep_credentials(&call, user, &email, password).await?;
            mail::owe(&call.app.ports, user.uuid(), Purpose::EmailVerification, email.clone()).await?;
        }
        let shown = Shown {
            id: user.uuid(),
            username: Some(profile.username.as_str().to_owned()),
            display_name: Some(profile.display_name.as_str().to_owned()),
        };
        let Executed { position, .. } = call.app.executor.execute(envelope, Command::RegisterUser { profile, email }).await?;
        Ok(Created::Created(Json(Registered { user: shown, position: position.0 })))
    }

    /// Look users up
    ///
    /// With `username`, the user with exactly this username, in any case: one entry or none. With `q`, the directory: those whose username or
    /// display name has this text in it, in any case, the newest first; without oneself, those whom one has blocked, and those who have
    /// blocked one. One of the two must be given, and not both.
    #[oai(path = "/users", method = "get", operation_id = "look_up_users")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn look_up(
        &self,
        token: AccessToken,
        call: Call,
        /// The whole username.
        username: Query<Option<String>>,
        /// A part of the username or the display name: 3 to 64 characters.
        q: Query<Option<String>>,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// Wait until this position has been seen.
        after: Query<Option<u64>>,
    ) -> Result<Answer<Items<Shown>>, Failed<LookupFailures>> {
        let asked = Asked::new(before.0, limit.0)?;
        match (username.0, q.0) {
            (Some(username), None) => {
                let username = Username::parse(&username)?;
                let found = match call.state::<Claim>(ClaimId::username(&username)).await?.state.holder() {
                    Some(user) => Shown::find(&call.app, user).await?,
                    None => None,
                };
                Ok(Items::all(found.into_iter().collect()).into())
            }
            (None, Some(q)) => {
                let matching = looked_for("q", &q, SOUGHT_LEAST)?;
                call.reached(&[ViewName::People], after.0).await?;
                let people = call.app.ports.views.directory(token.0.user, &matching, asked.page()).await?;
                Ok(Items::of(asked, people, |person| person.registered, Shown::from).into())
            }
            (None, None) | (Some(_), Some(_)) => Err(Problem::with(Code::Validation, "give either `username` or `q`").into()),
        }
    }

    /// Get a user
    ///
    /// A user as others see them.
    #[oai(path = "/users/:user", method = "get", operation_id = "get_user")]
    async fn get(
        &self,
        _token: AccessToken,
        call: Call,
        /// The user.
        user: Path<Uuid>,
    ) -> Result<Answer<Shown>, Failed<GetFailures>> {
        Ok(Shown::find(&call.app, UserId::new(user.0)).await?.ok_or(Code::NotFound)?.into())
    }
}

/// Refuses a password that is too short to keep anybody out, or too long to be hashed.
pub(super) fn check_length(password: &str) -> Result<(), ApiError> {
    let (least, most) = PASSWORD_CHARACTERS.into_inner();
    // Bytes first: characters of something endless are not counted either.
    if password.len() <= most * 4 && PASSWORD_CHARACTERS.contains(&password.chars().count()) {
        Ok(())
    } else {
        Err(Problem::with(Code::Validation, format!("password must have {least} to {most} characters")).into())
    }
}

/// Refuses what the command would refuse, before a password is hashed for nothing, and says which of the two it is.
async fn check_free(call: &Call, user: UserId, username: &Username, email: &Email) -> Result<(), ApiError> {
    for (claim, taken) in [(ClaimId::username(username), "this username is taken"), (ClaimId::email(email), "this email address is taken")]
    {
        let holder = call.state::<Claim>(claim).await?.state.holder();
        if holder.is_some_and(|holder| holder != user) {
            return Err(Problem::with(Code::Conflict, taken).into());
        }
    }
    Ok(())
}

/// Stores the credentials of somebody who is about to register. What an earlier try under the same key stored must be the same.
async fn keep_credentials(call: &Call, user: UserId, email: &Email, password: String) -> Result<(), ApiError> {
    let ports = &call.app.ports;
    let kept = match ports.accounts.find(user).await? {
        Some(kept) => kept,
        None => {
            let password_hash = ports.passwords.hash(password.clone()).await?;
            let credentials = Credentials { user, email: email.clone(), password_hash: Some(password_hash) };
            ports.accounts.create(&credentials).await?;
            // Another try may have been faster.
            let kept = ports.accounts.find(user).await?.ok_or(Code::Internal)?;
            if kept == credentials {
                return Ok(());
            }
            kept
        }
    };
    if kept.email == *email && ports.passwords.verify(password, kept.password_hash).await? {
        Ok(())
    } else {
        Err(Code::CommandMismatch.into())
    }
}
