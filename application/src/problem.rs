//! Every way a request can fail, as REST and the socket both say it: one table of stable codes, and the mapping of every error to
//! one of them. A code means the same wherever it is read, and never changes.

use std::borrow::Cow;
use std::fmt::{self, Display};

use posthaste_domain::id::SameUser;
use posthaste_domain::text::TextError;
use posthaste_domain::{Refusal, RefusalKind};
use serde::{Serialize, Serializer};

use crate::codec::Undecodable;
use crate::dead::NotDone;
use crate::execute::{ExecuteError, Unreadable};
use crate::port::PortError;
use crate::port::secrets::TokenRefused;
use crate::read::ReadError;

/// What a client can do about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename_all = "snake_case"))]
pub enum Retry {
    /// The same request would fail the same way.
    Never,
    /// The very same request, same key, can be sent again, backing off as always.
    Same,
    /// The same request, but not before `retry_after_ms`.
    After,
    /// With a new access token, the same request.
    Reauth,
}

impl Retry {
    /// As it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Same => "same",
            Self::After => "after",
            Self::Reauth => "reauth",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident, $code:literal, $status:literal, $retry:ident, $title:literal;)+) => {
        /// The stable codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ErrorCode"))]
        pub enum Code {
            $($(#[$doc])* #[cfg_attr(feature = "schema", schemars(rename = $code))] $variant,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As it is sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The RFC 9457 `type`: a URN, because it names a problem and is no page to fetch.
            #[must_use]
            pub const fn uri(self) -> &'static str {
                match self { $(Self::$variant => concat!("urn:posthaste:problem:", $code),)+ }
            }

            /// The HTTP status it goes with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// What a client can do about it.
            #[must_use]
            pub const fn retry(self) -> Retry {
                match self { $(Self::$variant => Retry::$retry,)+ }
            }

            /// The same few words every time, for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

codes! {
    /// No token, a token that is not ours, or a wrong password.
    Unauthorized, "unauthorized", 401, Reauth, "Authentication is required";
    /// The password is right, and a code of the second factor is needed as well.
    SecondFactorRequired, "second_factor_required", 401, Reauth, "A code is needed as well";
    /// The access token was good and has run out.
    TokenExpired, "token_expired", 401, Reauth, "The access token has expired";
    /// The login was ended.
    SessionRevoked, "session_revoked", 401, Reauth, "The session was revoked";
    /// The user is suspended: nothing of theirs is taken until they are reinstated.
    AccountSuspended, "account_suspended", 403, Never, "This account is suspended";
    /// The user has asked for the account to be deleted: nothing of theirs is taken unless they cancel that.
    DeletionPending, "deletion_pending", 403, Never, "This account is to be deleted";
    /// Nobody can register here.
    RegistrationClosed, "registration_closed", 403, Never, "Registration is closed";
    /// It is no code of the second factor, or it was used.
    WrongCode, "wrong_code", 403, Never, "The code is not right";
    /// This takes somebody who has lately proved once more who they are.
    StepUpRequired, "step_up_required", 403, Never, "Prove once more who you are";
    /// The actor may not do this.
    Forbidden, "forbidden", 403, Never, "This is not allowed";
    /// Not a member of the thread, or no such thread: an outsider cannot tell which.
    NotMember, "not_member", 403, Never, "You are not a member of this thread";
    /// The two are not friends.
    NotFriends, "not_friends", 403, Never, "You are not friends";
    /// One of the two has blocked the other.
    Blocked, "blocked", 403, Never, "This user cannot be reached";
    /// There is nothing there, or nothing the actor may know of.
    NotFound, "not_found", 404, Never, "There is nothing here";
    /// It contradicts what already holds.
    Conflict, "conflict", 409, Never, "This conflicts with what already holds";
    /// The version the client named is not the current one; look again, then decide again.
    VersionConflict, "version_conflict", 409, Never, "It has changed since you looked";
    /// The idempotency key was used before, for something else.
    CommandMismatch, "command_mismatch", 422, Never, "This key was already used for something else";
    /// The request makes no sense in itself.
    Validation, "validation", 400, Never, "The request is not valid";
    /// More bytes than are taken.
    TooLarge, "too_large", 413, Never, "The request is too large";
    /// Too many of these.
    RateLimited, "rate_limited", 429, After, "Too many requests";
    /// There is no such operation: an HTTP method a resource does not have, or an unknown frame.
    UnsupportedOp, "unsupported_op", 405, Never, "There is no such operation";
    /// An acknowledgement of something that was not pushed.
    AckAhead, "ack_ahead", 409, Never, "This was not pushed yet";
    /// The position that was asked for has not reached the view in time.
    ViewBehind, "view_behind", 503, Same, "The view has not come that far yet";
    /// What was asked rests on something that a newer version of the service has recorded, and this node is still of an older one: another
    /// node can do it now, and this one after its upgrade.
    NewerVersion, "newer_version", 503, After, "This node is too old for what it was asked about";
    /// Something the service needs cannot be reached; what was asked may or may not have happened.
    Unavailable, "unavailable", 503, After, "The service is unavailable for a moment";
    /// A fault of the service.
    Internal, "internal", 500, Same, "Something went wrong on our side";
}

impl Code {
    /// How long to wait when nothing better is known, for the codes that ask to wait.
    const fn default_wait_ms(self) -> Option<u64> {
        match self.retry() {
            Retry::After => Some(1_000),
            Retry::Never | Retry::Same | Retry::Reauth => None,
        }
    }
}

impl Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Retry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A problem as it is told to whoever asked. Says nothing that an outsider must not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}{}", detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default())]
pub struct Problem {
    /// Which one.
    pub code: Code,
    /// What it is about this time, for people.
    pub detail: Option<Cow<'static, str>>,
    /// How long to wait before the same request, in milliseconds; always there when [`Code::retry`] is [`Retry::After`].
    pub retry_after_ms: Option<u64>,
}

impl Problem {
    /// A problem with nothing more to say about it.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self { code, detail: None, retry_after_ms: code.default_wait_ms() }
    }

    /// A problem, and what it is about this time. The detail is shown to whoever asked.
    #[must_use]
    pub fn with(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..Self::new(code) }
    }

    /// The same problem, and how long to wait.
    #[must_use]
    pub const fn after(mut self, retry_after_ms: u64) -> Self {
        self.retry_after_ms = Some(retry_after_ms);
        self
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<RefusalKind> for Code {
    fn from(kind: RefusalKind) -> Self {
        match kind {
            RefusalKind::NotFound => Self::NotFound,
            RefusalKind::NotMember => Self::NotMember,
            RefusalKind::NotFriends => Self::NotFriends,
            RefusalKind::Forbidden => Self::Forbidden,
            RefusalKind::Suspended => Self::AccountSuspended,
            RefusalKind::Leaving => Self::DeletionPending,
            RefusalKind::Conflict => Self::Conflict,
            RefusalKind::Blocked => Self::Blocked,
            RefusalKind::VersionConflict => Self::VersionConflict,
            RefusalKind::RateLimited => Self::RateLimited,
            RefusalKind::Validation => Self::Validation,
        }
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        Self::with(refusal.kind().into(), refusal.to_string())
    }
}

impl From<&ExecuteError> for Problem {
    fn from(error: &ExecuteError) -> Self {
        match error {
            ExecuteError::Refused(refusal) => refusal.into(),
            ExecuteError::CommandMismatch => Self::new(Code::CommandMismatch),
            // Nobody asked for a version, so nobody is told of one: it was only too crowded.
            ExecuteError::Contended => Self::new(Code::Unavailable).after(100),
            ExecuteError::Log(error) => error.as_ref().into(),
            ExecuteError::Unreadable(error) => error.into(),
        }
    }
}

impl From<&ReadError> for Problem {
    fn from(error: &ReadError) -> Self {
        match error {
            ReadError::Beyond { .. } => Self::with(Code::Validation, format!("`upto`: {error}")),
            ReadError::Full | ReadError::Closed => Self::new(Code::Unavailable),
            ReadError::Failed(error) => error.as_ref().into(),
        }
    }
}

impl From<&NotDone> for Problem {
    fn from(error: &NotDone) -> Self {
        match error {
            NotDone::NotParked => Self::with(Code::NotFound, error.to_string()),
            NotDone::AnotherEvent(_) | NotDone::Overtaken => Self::with(Code::Conflict, error.to_string()),
            NotDone::Name(error) => error.into(),
            NotDone::Execute(error) => error.into(),
            NotDone::Port(error) => error.into(),
        }
    }
}

impl From<&PortError> for Problem {
    fn from(error: &PortError) -> Self {
        match error {
            PortError::Unavailable { .. } => Self::new(Code::Unavailable),
            PortError::Rejected { .. } | PortError::Corrupt { .. } | PortError::Poison { .. } => Self::new(Code::Internal),
        }
    }
}

impl From<&Unreadable> for Problem {
    fn from(error: &Unreadable) -> Self {
        match error {
            Unreadable::Undecodable(error) => error.into(),
            Unreadable::Inapplicable { .. } => Self::new(Code::Internal),
        }
    }
}

impl From<&Undecodable> for Problem {
    fn from(error: &Undecodable) -> Self {
        // Nodes are upgraded one after the other.
        if error.is_newer() { Self::new(Code::NewerVersion).after(5_000) } else { Self::new(Code::Internal) }
    }
}

impl From<TokenRefused> for Problem {
    fn from(refused: TokenRefused) -> Self {
        match refused {
            TokenRefused::Expired => Self::new(Code::TokenExpired),
            TokenRefused::Invalid => Self::new(Code::Unauthorized),
        }
    }
}

impl From<&TextError> for Problem {
    fn from(error: &TextError) -> Self {
        Self::with(Code::Validation, error.to_string())
    }
}

impl From<SameUser> for Problem {
    fn from(error: SameUser) -> Self {
        Self::with(Code::Validation, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_of_the_protocol_exists_once() {
        let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let protocol = "unauthorized second_factor_required token_expired session_revoked account_suspended deletion_pending registration_closed wrong_code \
                        step_up_required forbidden not_member not_friends blocked not_found conflict \
                        version_conflict command_mismatch validation too_large rate_limited unsupported_op ack_ahead view_behind \
                        newer_version unavailable internal";
        assert_eq!(codes, protocol.split_whitespace().collect::<Vec<_>>());
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), codes.len());
    }

    #[test]
    fn what_asks_to_wait_says_how_long() {
        for code in Code::ALL {
            assert_eq!(Problem::new(*code).retry_after_ms.is_some(), code.retry() == Retry::After, "{code}");
        }
    }

    #[test]
    fn a_fault_of_ours_says_nothing_about_itself() {
        let error = PortError::corrupt("events", "the password is hunter2");
        let problem = Problem::from(&ExecuteError::from(error));
        assert_eq!(problem, Problem::new(Code::Internal));
        assert_eq!(problem.to_string(), "internal");
    }

    #[test]
    fn an_outage_can_be_tried_again_and_a_refusal_cannot() {
        let outage = Problem::from(&ExecuteError::from(PortError::unavailable("sqlite", "gone")));
        assert_eq!((outage.code, outage.code.retry()), (Code::Unavailable, Retry::After));
        let refusal = Problem::from(&ExecuteError::from(Refusal::from(posthaste_domain::friendship::FriendshipRefusal::NotFriends)));
        assert_eq!((refusal.code, refusal.code.retry()), (Code::NotFriends, Retry::Never));
        assert_eq!(refusal.detail.as_deref(), Some("you are not friends"));
    }
}
