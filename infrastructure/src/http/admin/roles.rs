use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path};
use posthaste_application::execute::AdminCommand;
use posthaste_domain::UserId;
use uuid::Uuid;

use super::ServiceRole;
use crate::http::Tag;
use crate::http::answer::{Answer, Recorded};
use crate::http::auth::AdminToken;
use crate::http::call::Call;
use crate::http::problem::{Failed, failures};

pub(in crate::http) struct Roles;

failures! { GrantFailures = BEARER ADMIN COMMAND }
failures! {
    WithdrawFailures = BEARER ADMIN COMMAND [409: "`conflict`: an admin cannot stop being one by themselves, so there is always one left."]
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Administration")]
impl Roles {
    /// Give a user a role
    ///
    /// From now on; a token they have is that of an admin or auditor at once. Giving it again changes nothing.
    #[oai(path = "/users/:user/roles/:role", method = "put", operation_id = "grant_role")]
    async fn grant(
        &self,
        admin: AdminToken,
        call: Call,
        /// The user.
        user: Path<Uuid>,
        /// The role.
        role: Path<ServiceRole>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<GrantFailures>> {
        let command = AdminCommand::GrantRole { user: UserId::new(user.0), role: role.0.into() };
        Ok(call.administer(&admin, key.0, command).await?.into())
    }

    /// Take a role from a user
    ///
    /// Taking one that they do not have changes nothing.
    #[oai(path = "/users/:user/roles/:role", method = "delete", operation_id = "withdraw_role")]
    async fn withdraw(
        &self,
        admin: AdminToken,
        call: Call,
        /// The user.
        user: Path<Uuid>,
        /// The role.
        role: Path<ServiceRole>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<WithdrawFailures>> {
        let command = AdminCommand::WithdrawRole { user: UserId::new(user.0), role: role.0.into() };
        Ok(call.administer(&admin, key.0, command).await?.into())
    }
}
