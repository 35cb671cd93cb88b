use std::fmt::Write as _;

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use posthaste_application::port::PortError;
use posthaste_application::port::tickets::TICKET_TTL;
use rand::TryRng as _;
use rand::rngs::SysRng;

use super::Tag;
use super::auth::AccessToken;
use super::call::Call;
use super::problem::{Failed, failures};

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
    /// Exchanges the access token for a pass that lets one socket in at `GET /v1/ws`, so that no token is ever part of a URL.
    #[oai(path = "/ws/tickets", method = "post", operation_id = "create_ticket")]
    async fn create(&self, token: AccessToken, call: Call) -> Result<Created, Failed<TicketFailures>> {
        let ticket = random_ticket()?;
        call.app.ports.tickets.store(&ticket, token.0).await?;
        Ok(Created::Created(Json(Ticket { ticket, expires_in_s: TICKET_TTL.as_secs() })))
    }
}

/// 256 bits that nobody can guess, in hexadecimal.
fn random_ticket() -> Result<String, PortError> {
    let mut bits = [0_u8; 32];
    SysRng.try_fill_bytes(&mut bits).map_err(|error| PortError::unavailable("random numbers", error))?;
    Ok(bits.iter().fold(String::with_capacity(64), |mut ticket, byte| {
        let _ = write!(ticket, "{byte:02x}");
        ticket
    }))
}
