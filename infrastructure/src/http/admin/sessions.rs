use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::execute::AdminCommand;
use posthaste_application::port::cursors::{Device, KnownDevice};
use posthaste_application::problem::Code;
use posthaste_domain::{SessionId, User, UserId};
use uuid::Uuid;

use crate::http::answer::{Answer, Recorded};
use crate::http::auth::{AdminToken, StaffToken};
use crate::http::call::Call;
use crate::http::page::{Asked, Items};
use crate::http::problem::{ApiError, Failed, failures};
use crate::http::{Tag, example};

/// Devices that are looked at together, and how often for one page.
const LOOK: (usize, usize) = (1_000, 10);

pub(in crate::http) struct Sessions;

/// A device, and the login it was connected with last.
#[derive(Object)]
#[oai(example, rename = "DeviceSession")]
struct OnDevice {
    /// Whose.
    user: Uuid,
    /// Which of their devices.
    device: Uuid,
    /// The login; null when it was connected before logins were noted.
    session: Option<Uuid>,
    /// Whether that login was ended.
    revoked: bool,
    /// Whether it is connected, to whatever node: while it is, and for the rest of its lease after that.
    connected: bool,
    /// When it was connected last.
    connected_at: Option<DateTime<Utc>>,
    /// How often it was connected.
    connections: u64,
    /// It has stored everything up to here.
    cursor: u64,
}

impl Example for OnDevice {
    fn example() -> Self {
        Self {
            user: example::ALICE,
            device: example::DEVICE,
            session: Some(example::SESSION),
            revoked: false,
            connected: true,
            connected_at: Some(example::noon()),
            connections: 12,
            cursor: 5_118,
        }
    }
}

failures! { ListFailures = BEARER STAFF }
failures! { EndFailures = BEARER ADMIN COMMAND }

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Administration")]
impl Sessions {
    /// List the sessions of a user
    ///
    /// Of every device that was ever connected, in the order of their ids. A login that was used over REST alone is on no device; to end
    /// whatever there is, suspend the user.
    #[oai(path = "/users/:user/sessions", method = "get", operation_id = "list_sessions")]
    async fn of_user(
        &self,
        _staff: StaffToken,
        call: Call,
        /// The user.
        user: Path<Uuid>,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
    ) -> Result<Answer<Items<OnDevice>>, Failed<ListFailures>> {
        let asked: Asked<Device> = Asked::new(before.0, limit.0)?;
        let user = UserId::new(user.0);
        call.state::<User>(user).await?.state.registered().map_err(|_| Code::NotFound)?;
        let known = call.app.ports.cursors.devices(Some(user), asked.before(), asked.limit()).await?;
        let shown = look(&call, known).await?;
        Ok(Items::of(asked, shown, key, |device| device).into())
    }

    /// End a login of a user
    ///
    /// As if they had logged out: its tokens are worth nothing any more, and its sockets are closed with 4202.
    #[oai(path = "/users/:user/sessions/:session", method = "delete", operation_id = "revoke_session")]
    async fn end(
        &self,
        admin: AdminToken,
        call: Call,
        /// The user.
        user: Path<Uuid>,
        /// The login.
        session: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<EndFailures>> {
        let command = AdminCommand::EndSession { user: UserId::new(user.0), session: SessionId::new(session.0) };
        Ok(call.administer(&admin, key.0, command).await?.into())
    }

    /// List who is connected
    ///
    /// The devices that are connected now, to all nodes together, in the order of users and devices. A page may be short, or empty, and still
    /// not be the last: `next` says.
    #[oai(path = "/sessions", method = "get", operation_id = "list_live_sessions")]
    async fn live(
        &self,
        _staff: StaffToken,
        call: Call,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
    ) -> Result<Answer<Items<OnDevice>>, Failed<ListFailures>> {
        let asked: Asked<Device> = Asked::new(before.0, limit.0)?;
        let most = asked.limit() - 1;
        let (mut after, mut live) = (asked.before(), Vec::new());
        for _ in 0..LOOK.1 {
            let known = call.app.ports.cursors.devices(None, after, LOOK.0).await?;
            let last = known.last().map(|known| known.device).filter(|_| known.len() == LOOK.0);
            let devices: Vec<_> = known.iter().map(|known| known.device).collect();
            let connected = call.app.ports.presence.connected(&devices).await?;
            live.extend(known.into_iter().zip(connected).filter_map(|(known, connected)| connected.then_some(known)));
            after = last;
            if last.is_none() || live.len() > most {
                break;
            }
        }
        if live.len() > most {
            live.truncate(most);
            after = live.last().map(|known| known.device);
        }
        Ok(Items::going_on(look(&call, live).await?, after).into())
    }
}

fn key(shown: &OnDevice) -> Device {
    Device { user: UserId::new(shown.user), device: posthaste_domain::DeviceId::new(shown.device) }
}

/// The devices as they are shown.
async fn look(call: &Call, known: Vec<KnownDevice>) -> Result<Vec<OnDevice>, ApiError> {
    let devices: Vec<_> = known.iter().map(|known| known.device).collect();
    let connected = call.app.ports.presence.connected(&devices).await?;
    let mut shown = Vec::with_capacity(known.len());
    for (known, connected) in known.into_iter().zip(connected) {
        let KnownDevice { device, cursor, generation, session, connected_at } = known;
        let revoked = match session {
            Some(session) => call.state::<User>(device.user).await?.has_revoked(session),
            None => false,
        };
        shown.push(OnDevice {
            user: device.user.uuid(),
            device: device.device.uuid(),
            session: session.map(SessionId::uuid),
            revoked,
            connected,
            connected_at,
            connections: generation.0,
            cursor: cursor.0,
        });
    }
    Ok(shown)
}
