use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::view::Census;

use crate::http::Tag;
use crate::http::answer::Answer;
use crate::http::auth::StaffToken;
use crate::http::call::Call;
use crate::http::problem::{Failed, failures};

pub(in crate::http) struct Counts;

/// How many there are.
#[derive(Object)]
#[oai(example)]
struct Counted {
    /// Events of the log.
    events: u64,
    /// Users, suspended ones included.
    users: u64,
    /// Users who are suspended.
    suspended: u64,
    /// Admins, suspended or not.
    admins: u64,
    /// Auditors, suspended or not.
    auditors: u64,
    /// Threads that are not deleted.
    threads: u64,
    /// Messages, deleted ones included.
    messages: u64,
    /// Devices that were ever connected.
    devices: u64,
}

impl Example for Counted {
    fn example() -> Self {
        Self { events: 5_120, users: 97, suspended: 1, admins: 2, auditors: 1, threads: 64, messages: 4_213, devices: 120 }
    }
}

failures! { CountFailures = BEARER STAFF }

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Administration")]
impl Counts {
    /// Count everything
    ///
    /// Users, threads and messages as the views have them. It takes longer the more there is, so it is nothing to watch; `/metrics` is.
    #[oai(path = "/counts", method = "get", operation_id = "count_everything")]
    async fn count(&self, _staff: StaffToken, call: Call) -> Result<Answer<Counted>, Failed<CountFailures>> {
        let ports = &call.app.ports;
        let (census, devices, head) = futures::try_join!(ports.views.census(), ports.cursors.count(), ports.log.head())?;
        let Census { users, suspended, admins, auditors, threads, messages } = census;
        Ok(Counted { events: head.position.0, users, suspended, admins, auditors, threads, messages, devices }.into())
    }
}
