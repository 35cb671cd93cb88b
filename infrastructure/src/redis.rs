//! Redis: what may be forgotten in the distributed profile. Nothing here is truth; an empty Redis costs a retry.

mod doctor;
mod limiter;
mod ping;
mod presence;
mod signals;
mod tickets;

use std::time::Duration;

use posthaste_application::port::PortError;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, IntoConnectionInfo as _};

pub use self::doctor::examine;
pub use self::limiter::RedisRateLimiter;
pub use self::ping::RedisPing;
pub use self::presence::RedisPresence;
pub use self::signals::RedisSignals;
pub use self::tickets::RedisTickets;

/// How errors and logs call it.
const SERVICE: &str = "redis";
/// For the connection, and for each answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connects to `redis://user:password@host:port/database`. The connection is shared by its clones and made anew when it breaks.
///
/// # Errors
/// Where it tried to connect, and what came of it. The password does not show.
pub async fn connect(url: &str) -> Result<ConnectionManager, PortError> {
    manage(&client(url)?).await
}

/// Whether this can be an address.
///
/// # Errors
/// What is wrong with it.
pub fn check_url(url: &str) -> Result<(), PortError> {
    client(url).map(drop)
}

/// What connects to this address.
fn client(url: &str) -> Result<Client, PortError> {
    let address = url
        .into_connection_info()
        .map_err(|reason| PortError::rejected(SERVICE, format!("the address is not like redis://user:password@host:6379/0: {reason}")))?;
    // Requests are small and wait for nothing else to be sent with them. Off by default.
    Client::open(address.set_tcp_settings(TcpSettings::default().set_nodelay(true))).map_err(failed)
}

/// A connection that is made anew when it breaks.
async fn manage(client: &Client) -> Result<ConnectionManager, PortError> {
    manage_within(client, PATIENCE).await
}

/// The same; once there is one, each answer may take this long. The first connection has the usual time.
async fn manage_within(client: &Client, patience: Duration) -> Result<ConnectionManager, PortError> {
    // One more attempt when it breaks, soon: whoever waits would rather hear that it is gone.
    let config =
        ConnectionManagerConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(patience)).set_number_of_retries(1);
    ConnectionManager::new_with_config(client.clone(), config).await.map_err(|error| unconnected(client, &error))
}

/// Where it tried to connect, and what came of it; without the password.
fn unconnected(client: &Client, reason: &dyn std::fmt::Display) -> PortError {
    PortError::unavailable(SERVICE, format!("cannot connect to {}: {reason}", client.get_connection_info().addr()))
}

fn failed(error: redis::RedisError) -> PortError {
    PortError::unavailable(SERVICE, error)
}
