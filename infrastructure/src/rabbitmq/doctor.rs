//! Whether exchanges and queues are there, and as they are declared.

use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, ErrorKind};
use posthaste_application::doctor::Finding;
use tokio::time::timeout;

use super::RabbitMq;
use super::link::{self, Link};
use super::topology::{self, Part};

const CHECK: &str = "broker";
/// A queue that nobody declares.
const NOBODY: &str = "posthaste.nobody";
/// How long a confirmation may take.
const ROOM: Duration = Duration::from_secs(3);
/// Reply codes of the protocol.
const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;

impl RabbitMq {
    /// Looks at everything that this program declares, and changes nothing.
    pub async fn examine(&self) -> Vec<Finding> {
        let uri = &self.uri;
        let place = format!("{}:{}, virtual host {:?}", uri.authority.host, uri.authority.port, uri.vhost);
        let unreachable = |reason: String| {
            let remedy =
                "start RabbitMQ, and see that rabbitmq.url is right and its user may configure, write and read on the virtual host";
            vec![Finding::fail(CHECK, format!("no way to RabbitMQ at {place}: {reason}"), remedy)]
        };
        match timeout(link::OPEN, self.look()).await {
            Ok(Ok((mut findings, room))) => {
                if findings.is_empty() {
                    findings.push(Finding::ok(CHECK, format!("RabbitMQ at {place} has everything as it is declared")));
                }
                findings.push(room);
                findings
            }
            Ok(Err(error)) => unreachable(error.to_string()),
            Err(_) => unreachable("it does not answer in time".to_owned()),
        }
    }

    async fn look(&self) -> lapin::Result<(Vec<Finding>, Finding)> {
        let link = Link::connect(&self.uri, "doctor").await?;
        let mut findings = Vec::new();
        for part in topology::parts(&self.consumers) {
            let name = match &part {
                Part::Exchange(name, _) => format!("the exchange {name}"),
                Part::Queue(name, _) => format!("the queue {name}"),
            };
            // Once to see that it is there, so that the other time makes nothing. What fails takes its channel with it.
            for passive in [true, false] {
                let Err(error) = part.declare(&link.channel().await?, passive).await else { continue };
                findings.push(match code(&error) {
                    Some(NOT_FOUND) => {
                        let remedy = "every process declares it when it connects: start one with the relay or gateway role, or restart it";
                        Finding::fail(CHECK, format!("{name} is not there"), remedy)
                    }
                    Some(PRECONDITION_FAILED) => {
                        let remedy =
                            "delete it while nothing runs, and start again; what durable consumers miss by that they read from the log";
                        Finding::fail(CHECK, format!("{name} is of another kind, or has other arguments"), remedy)
                    }
                    Some(_) | None => return Err(error),
                });
                break;
            }
        }
        Ok((findings, room(&link).await?))
    }
}

/// Whether it has room for more. It says so only to those who publish, so something is published twice that nobody gets.
async fn room(link: &Link) -> lapin::Result<Finding> {
    const CHECK: &str = "disk";
    let channel = link.channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let published = async {
        // The first tells the broker that this connection publishes, and may still be taken.
        for _ in 0..2 {
            let nowhere = channel.basic_publish("".into(), NOBODY.into(), BasicPublishOptions::default(), b"", BasicProperties::default());
            nowhere.await?.await?;
        }
        lapin::Result::Ok(())
    };
    let remedy = "free disk or memory on its host, and see its log: until then it confirms nothing, and devices are served from the log";
    match timeout(ROOM, published).await {
        Ok(confirmed) => {
            confirmed?;
            let says = "RabbitMQ has raised no alarm of its disk or memory; how much is free on its host cannot be seen from here";
            Ok(Finding::ok(CHECK, says))
        }
        Err(_) if link.is_blocked() => {
            Ok(Finding::fail(CHECK, "RabbitMQ has raised an alarm of its disk or memory, and takes nothing", remedy))
        }
        Err(_) => Ok(Finding::fail(CHECK, "RabbitMQ does not confirm what it is sent", remedy)),
    }
}

fn code(error: &lapin::Error) -> Option<u16> {
    if let ErrorKind::ProtocolError(error) = error.kind() { Some(error.get_id()) } else { None }
}
