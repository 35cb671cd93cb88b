//! A device comes in: what the store knows of it, and its place in the hub, as of one moment.

use std::sync::Arc;

use super::hub::Hub;
use super::inbox::Attached;
use crate::port::cursors::{Connect, Connected, Device, Generation};
use crate::port::{Cursors, PortError};
use crate::recorded::Position;

/// What came of asking to be connected.
#[derive(Debug)]
pub enum Admission {
    /// It is connected to this node.
    Admitted(Admitted),
    /// Its login was ended.
    Revoked,
    /// Its user is suspended.
    Suspended,
    /// It names a cursor that no log of ours has reached.
    BeyondHead {
        /// The end of the log.
        head: Position,
    },
}

/// A device that is connected to this node.
#[derive(Debug)]
pub struct Admitted {
    /// Its place in the hub.
    pub attached: Arc<Attached>,
    /// Its cursor as it was stored.
    pub cursor: Position,
    /// The end of the log when it was connected.
    pub head: Position,
    /// Its connection.
    pub generation: Generation,
}

/// Connects a device with one question to the store; with another one for every change to the user's threads that this node was told of
/// between the store's look and the answer. Can be dropped at any time.
///
/// # Errors
/// The store cannot be asked.
pub async fn connect(hub: &Arc<Hub>, cursors: &dyn Cursors, connect: Connect) -> Result<Admission, PortError> {
    // From here on the hub takes note of what the store's answer may not know.
    let arriving = hub.arrive(connect.device.user);
    loop {
        let welcome = match cursors.connect(connect).await? {
            Connected::Welcome(welcome) => welcome,
            Connected::Revoked => return Ok(Admission::Revoked),
            Connected::Suspended => return Ok(Admission::Suspended),
            Connected::BeyondHead { head } => return Ok(Admission::BeyondHead { head }),
        };
        if let Some(attached) = arriving.attach(connect.device, welcome.generation, connect.session, &welcome.memberships) {
            // A cursor that was moved while the store was being asked may be ahead of the log as it was seen then.
            let head = welcome.memberships.as_of.max(welcome.cursor);
            return Ok(Admission::Admitted(Admitted { attached, cursor: welcome.cursor, head, generation: welcome.generation }));
        }
    }
}

/// Asks the store for the newest connections of some devices, and lets go of older ones on this node. Whoever connected elsewhere is told
/// of sooner, by an ack or a signal, but not for certain.
///
/// # Errors
/// The store cannot be asked.
pub async fn look_for_newer(hub: &Hub, cursors: &dyn Cursors, devices: &[Device]) -> Result<(), PortError> {
    hub.replaced(&cursors.generations(devices).await?);
    Ok(())
}
