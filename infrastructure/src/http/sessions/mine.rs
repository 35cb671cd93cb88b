//! One's own logins.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use posthaste_application::execute::Command;
use posthaste_application::login;
use posthaste_application::port::cursors::KnownDevice;
use posthaste_application::port::sessions::Session;
use posthaste_application::problem::Code;
use posthaste_domain::text::SessionName;
use posthaste_domain::{SessionId, UserId};
use uuid::Uuid;

use crate::http::answer::{Answer, Recorded};
use crate::http::auth::AccessToken;
use crate::http::body::Body;
use crate::http::call::Call;
use crate::http::page::Items;
use crate::http::problem::{ApiError, Failed, failures};
use crate::http::visit::Visit;
use crate::http::{Tag, example};

/// Most devices of a user that are looked at for the list.
const DEVICES: usize = 1_000;

pub(in crate::http) struct MySessions;

/// A device that was connected with a login last.
#[derive(Object)]
#[oai(example, rename = "SessionDevice")]
struct OnDevice {
    /// Which device, as it names itself in `hello`.
    device: Uuid,
    /// When it was connected last.
    connected_at: Option<DateTime<Utc>>,
}

impl Example for OnDevice {
    fn example() -> Self {
        Self { device: example::DEVICE, connected_at: Some(example::noon()) }
    }
}

/// One of one's logins.
#[derive(Object)]
#[oai(example, rename = "MySession")]
struct Mine {
    /// The login.
    session: Uuid,
    /// Whether it is the one that asks.
    current: bool,
    /// What it is called.
    name: Option<String>,
    /// What the client said that it is, when it logged in.
    agent: Option<String>,
    /// When it began.
    created_at: DateTime<Utc>,
    /// When it was begun or refreshed last.
    used_at: DateTime<Utc>,
    /// When it runs out unless it is refreshed before.
    expires_at: DateTime<Utc>,
    /// The devices that were connected with it last.
    devices: Vec<OnDevice>,
}

impl Example for Mine {
    fn example() -> Self {
        Self {
            session: example::SESSION,
            current: true,
            name: Some("Alice's laptop".to_owned()),
            agent: Some("Mozilla/5.0 …".to_owned()),
            created_at: example::noon(),
            used_at: example::noon(),
            expires_at: example::noon(),
            devices: vec![OnDevice::example()],
        }
    }
}

/// What to call a login.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct Naming {
    /// 1 to 64 characters. Null takes the name away.
    name: Option<String>,
}

impl Example for Naming {
    fn example() -> Self {
        Self { name: Some("The old phone".to_owned()) }
    }
}

/// Logins that were ended.
#[derive(Object)]
#[oai(example)]
struct Ended {
    /// Which, in the order in which they were.
    sessions: Vec<Uuid>,
    /// Where the last of it was recorded; null when there was nothing to end.
    position: Option<u64>,
}

impl Example for Ended {
    fn example() -> Self {
        Self { sessions: vec![example::SESSION], position: Some(51) }
    }
}

#[derive(ApiResponse)]
enum Out<T: poem_openapi::types::ParseFromJSON + poem_openapi::types::ToJSON + Send + Sync> {
    /// As asked.
    #[oai(status = 200)]
    Out(
        Json<T>,
        /// Has the browser forget the refresh token, if it keeps one.
        #[oai(header = "Set-Cookie")]
        Option<String>,
    ),
}

failures! { ListFailures = BEARER }
failures! { RenameFailures = BEARER BODY [404: "`not_found`: there is no such login of yours."] }
failures! { LogOutFailures = BEARER COMMAND }
failures! { EndFailures = BEARER COMMAND [404: "`not_found`: you never had such a login."] }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl MySessions {
    /// List my logins
    ///
    /// All that go on, the one used last first.
    #[oai(path = "/sessions", method = "get", operation_id = "list_my_sessions")]
    async fn list(&self, token: AccessToken, call: Call) -> Result<Answer<Items<Mine>>, Failed<ListFailures>> {
        let sessions = call.logins().lasting(token.0.user).await?;
        let mut devices = devices(&call, token.0.user).await?;
        let shown = sessions.into_iter().map(|session| {
            let on = devices.remove(&session.id).unwrap_or_default();
            show(session, token.0.session, on)
        });
        Ok(Items::all(shown.collect()).into())
    }

    /// Name one of my logins
    ///
    /// For oneself: nobody else sees it.
    #[oai(path = "/sessions/:session", method = "patch", operation_id = "name_session")]
    async fn name(
        &self,
        token: AccessToken,
        call: Call,
        /// The login.
        session: Path<Uuid>,
        body: Body<Naming>,
    ) -> Result<Answer<Mine>, Failed<RenameFailures>> {
        let name = body.0.name.as_deref().map(SessionName::parse).transpose()?;
        let renamed = call.logins().rename(token.0.user, SessionId::new(session.0), name).await?.ok_or(Code::NotFound)?;
        let on = devices(&call, token.0.user).await?.remove(&renamed.id).unwrap_or_default();
        Ok(show(renamed, token.0.session, on).into())
    }

    /// Log out
    ///
    /// Ends the login of the access token that is used: no token of it is taken any more, and its sockets are closed with 4202. A retry is
    /// refused with `session_revoked`, which says that it is done.
    #[oai(path = "/sessions/current", method = "delete", operation_id = "log_out")]
    async fn log_out(
        &self,
        token: AccessToken,
        call: Call,
        visit: Visit,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Out<Recorded>, Failed<LogOutFailures>> {
        let recorded = end(&call, &token, key.0, token.0.session).await?;
        Ok(Out::Out(Json(recorded), visit.forget()))
    }

    /// End one of my logins
    ///
    /// The same for any login of one's own, by its id.
    #[oai(path = "/sessions/:session", method = "delete", operation_id = "end_session")]
    async fn end(
        &self,
        token: AccessToken,
        call: Call,
        /// The login.
        session: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<EndFailures>> {
        let session = SessionId::new(session.0);
        login::check_own(&*call.app.ports.sessions, &call.app.executor, token.0, session).await?;
        Ok(end(&call, &token, key.0, session).await?.into())
    }

    /// Log out everywhere
    ///
    /// Ends every login of one's own, the one that asks last. If it breaks off, the rest is ended by asking again.
    #[oai(path = "/sessions", method = "delete", operation_id = "log_out_everywhere")]
    async fn end_all(
        &self,
        token: AccessToken,
        call: Call,
        visit: Visit,
        /// Leave the login that asks.
        keep_current: Query<Option<bool>>,
    ) -> Result<Out<Ended>, Failed<ListFailures>> {
        let (user, current) = (token.0.user, token.0.session);
        let keep = keep_current.0.unwrap_or(false);
        let (mut ended, mut last) = call.logins().end_all(user, Some(current)).await?;
        if !keep {
            last = call.logins().end(user, &[current]).await?;
            ended.push(current);
        }
        let ended =
            Ended { sessions: ended.into_iter().map(SessionId::uuid).collect(), position: last.map(|executed| executed.position.0) };
        Ok(Out::Out(Json(ended), visit.forget().filter(|_| !keep)))
    }
}

/// Ends a login: first the event, which is what counts, then what could renew it.
async fn end(call: &Call, token: &AccessToken, key: Option<Uuid>, session: SessionId) -> Result<Recorded, ApiError> {
    let executed = call.command(token, key, Command::RevokeSession { session }).await?;
    call.app.ports.sessions.remove(token.0.user, &[session]).await?;
    Ok(executed.into())
}

/// The devices of a user by the login they were connected with last.
async fn devices(call: &Call, user: UserId) -> Result<HashMap<SessionId, Vec<OnDevice>>, ApiError> {
    let mut devices: HashMap<SessionId, Vec<OnDevice>> = HashMap::new();
    for KnownDevice { device, session, connected_at, .. } in call.app.ports.cursors.devices(Some(user), None, DEVICES).await? {
        if let Some(session) = session {
            devices.entry(session).or_default().push(OnDevice { device: device.device.uuid(), connected_at });
        }
    }
    Ok(devices)
}

fn show(session: Session, current: SessionId, devices: Vec<OnDevice>) -> Mine {
    Mine {
        session: session.id.uuid(),
        current: session.id == current,
        name: session.name.map(|name| name.as_str().to_owned()),
        agent: session.agent,
        created_at: session.created_at,
        used_at: session.used_at,
        expires_at: session.expires_at,
        devices,
    }
}
