//! Who asks.

use std::sync::Arc;

use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;
use posthaste_application::execute::Loaded;
use posthaste_application::port::secrets::Access;
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::User;
use posthaste_domain::user::ServiceRole;

use super::problem::ApiError;
use super::{App, limits};

/// An access token from `POST /v1/sessions`, good for 15 minutes unless configured otherwise.
#[derive(SecurityScheme)]
#[oai(rename = "AccessToken", ty = "bearer", bearer_format = "JWT", checker = "verify")]
pub(super) struct AccessToken(pub(super) Access);

/// An access token of an admin. An auditor is told `forbidden`; whoever is neither finds nothing.
#[derive(SecurityScheme)]
#[oai(rename = "AdminToken", ty = "bearer", bearer_format = "JWT", checker = "verify_admin")]
pub(super) struct AdminToken(pub(super) Access);

/// An access token of an admin or an auditor. Whoever is neither finds nothing.
#[derive(SecurityScheme)]
#[oai(rename = "StaffToken", ty = "bearer", bearer_format = "JWT", checker = "verify_staff")]
pub(super) struct StaffToken(#[expect(dead_code, reason = "that there is one says enough")] pub(super) Access);

async fn verify(request: &Request, bearer: Bearer) -> poem::Result<Access> {
    Ok(user(request, &bearer).await?.0)
}

async fn verify_admin(request: &Request, bearer: Bearer) -> poem::Result<Access> {
    let (access, user) = user(request, &bearer).await?;
    if user.has_role(ServiceRole::Admin) {
        Ok(access)
    } else if user.has_role(ServiceRole::Auditor) {
        Err(ApiError(Problem::with(Code::Forbidden, "an auditor looks on")).into())
    } else {
        Err(ApiError::from(Code::NotFound).into())
    }
}

async fn verify_staff(request: &Request, bearer: Bearer) -> poem::Result<Access> {
    let (access, user) = user(request, &bearer).await?;
    if is_staff(&user) { Ok(access) } else { Err(ApiError::from(Code::NotFound).into()) }
}

/// Whether they see what everybody does here: admins and auditors.
pub(super) fn is_staff(user: &User) -> bool {
    ServiceRole::ALL.into_iter().any(|role| user.has_role(role))
}

/// Whom a token speaks for, as the log has them now. A token knows neither that its login was ended, nor that its user was suspended.
async fn user(request: &Request, bearer: &Bearer) -> Result<(Access, Arc<Loaded<User>>), ApiError> {
    let app = request.data::<Arc<App>>().expect("the edge sets it").as_ref();
    let App { ports, executor, .. } = app;
    let access = ports.tokens.verify(&bearer.token, ports.clock.now()).map_err(|refused| ApiError(Problem::from(refused)))?;
    limits::admit_user(request, app, access.user).await?;
    let user = executor.states().fresh::<User>(access.user).await?;
    // With the deletion every login is ended, one that began at the same moment as well.
    if user.has_revoked(access.session) || user.leaving().is_some() {
        return Err(Code::SessionRevoked.into());
    }
    if user.is_barred() {
        return Err(Code::AccountSuspended.into());
    }
    Ok((access, user))
}
