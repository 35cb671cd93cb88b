use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use posthaste_application::hex;
use posthaste_application::port::tickets::{Pass, TICKET_TTL};
use posthaste_domain::DeviceId;
use uuid::Uuid;

use super::Tag;
use super::auth::AccessToken;
use super::call::Call;
use super::problem::{Failed, failures};
use crate::system::random;

pub(super) struct Tickets;

/// A pass for one socket.
#[derive(Object)]
#[oai(example)]
struct Ticket {
    /// Put it into the socket's `hello`. Good once.
    ticket: String,
    /// How long it is good for, in seconds.
    expires_in_s: u64,
}

impl Example for Ticket {
    fn example() -> Self {
        Self { ticket: "5f0c…e19a".to_owned(), expires_in_s: TICKET_TTL.as_secs() }
    }
}

#[derive(ApiResponse)]
enum Created {
    /// A new ticket.
    #[oai(status = 201)]
    Created(Json<Ticket>),
}

failures! { TicketFailures = BEARER }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sockets")]
impl Tickets {
    /// Get a ticket for a socket
    ///
    /// Exchanges the access token for a pass that lets one socket in at `GET /v1/ws`, so that no token is ever part of a URL. With a `device`
    /// it lets in that one only: whoever gets hold of it cannot use it as another.
    #[oai(path = "/ws/tickets", method = "post", operation_id = "create_ticket")]
    async fn create(
        &self,
        token: AccessToken,
        call: Call,
        /// The device that will say `hello`; any if absent.
        device: Query<Option<Uuid>>,
    ) -> Result<Created, Failed<TicketFailures>> {
        // 256 bits that nobody can guess.
        let ticket = hex::encode(&random::<32>()?);
        let pass = Pass { access: token.0, device: device.0.map(DeviceId::new) };
        call.app.ports.tickets.store(&ticket, &pass).await?;
        Ok(Created::Created(Json(Ticket { ticket, expires_in_s: TICKET_TTL.as_secs() })))
    }
}
