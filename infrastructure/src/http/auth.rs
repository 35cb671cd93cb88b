//! Who asks.

use std::sync::Arc;

use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;
use posthaste_application::port::secrets::Access;
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::User;

use super::App;
use super::problem::ApiError;

/// An access token from `POST /v1/sessions`, good for 15 minutes unless configured otherwise.
#[derive(SecurityScheme)]
#[oai(rename = "AccessToken", ty = "bearer", bearer_format = "JWT", checker = "verify")]
pub(super) struct AccessToken(pub(super) Access);

async fn verify(request: &Request, bearer: Bearer) -> poem::Result<Access> {
    let App { ports, executor, .. } = request.data::<Arc<App>>().expect("the edge sets it").as_ref();
    let access = ports.tokens.verify(&bearer.token, ports.clock.now()).map_err(|refused| ApiError(Problem::from(refused)))?;
    // A token does not know that its login was ended.
    let user = executor.states().fresh::<User>(access.user).await.map_err(ApiError::from)?;
    if user.state.has_revoked(access.session) {
        return Err(ApiError::from(Code::SessionRevoked).into());
    }
    Ok(access)
}
