//! Whether exchanges and queues are there, and as they are declared.

use lapin::ErrorKind;
use posthaste_application::doctor::Finding;
use tokio::time::timeout;

use super::RabbitMq;
use super::link::{self, Link};
use super::topology::{self, Part};

const CHECK: &str = "broker";
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
            Ok(Ok(findings)) if findings.is_empty() => {
                vec![Finding::ok(CHECK, format!("RabbitMQ at {place} has everything as it is declared"))]
            }
            Ok(Ok(findings)) => findings,
            Ok(Err(error)) => unreachable(error.to_string()),
            Err(_) => unreachable("it does not answer in time".to_owned()),
        }
    }

    async fn look(&self) -> lapin::Result<Vec<Finding>> {
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
        Ok(findings)
    }
}

fn code(error: &lapin::Error) -> Option<u16> {
    if let ErrorKind::ProtocolError(error) = error.kind() { Some(error.get_id()) } else { None }
}
