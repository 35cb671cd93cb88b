//! Who asks.

use std::sync::Arc;

use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;
use posthaste_application::port::secrets::Access;
use posthaste_application::problem::Problem;

use super::App;
use super::problem::ApiError;

/// An access token from `POST /v1/sessions`, good for 15 minutes unless configured otherwise.
#[derive(SecurityScheme)]
#[oai(rename = "AccessToken", ty = "bearer", bearer_format = "JWT", checker = "verify")]
pub(super) struct AccessToken(pub(super) Access);

async fn verify(request: &Request, bearer: Bearer) -> poem::Result<Access> {
    let ports = &request.data::<Arc<App>>().expect("the edge sets it").ports;
    Ok(ports.tokens.verify(&bearer.token, ports.clock.now()).map_err(|refused| ApiError(Problem::from(refused)))?)
}
