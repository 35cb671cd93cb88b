//! Whether Redis can be reached.

use std::error::Error as _;

use posthaste_application::doctor::Finding;

const CHECK: &str = "redis";

/// Connects to it and asks.
pub async fn examine(url: &str) -> Finding {
    let asked = async {
        let mut connection = super::connect(url).await?;
        redis::cmd("PING").query_async::<String>(&mut connection).await.map_err(super::failed)
    };
    match asked.await {
        Ok(_) => Finding::ok(CHECK, "Redis answers"),
        Err(error) => {
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            let remedy = "start Redis, and see that redis.url is right: no process starts without it, and those that run tell no signals";
            Finding::fail(CHECK, format!("no way to Redis: {reason}"), remedy)
        }
    }
}
