//! The broker of the embedded profile.

use std::sync::Arc;

use posthaste_application::broker_contract;
use posthaste_application::port::Broker;
use posthaste_infrastructure::embedded::InProcessBroker;

broker_contract!(in_process);

async fn in_process(_test: &str) -> (Arc<dyn Broker>, ()) {
    (Arc::new(InProcessBroker::default()), ())
}
