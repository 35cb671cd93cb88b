//! The policies.

use super::Who;
use crate::port::limiter::Rate;

/// By address and by user; what is absent is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyLimits {
    /// Of one address.
    pub per_ip: Option<Rate>,
    /// Of one user.
    pub per_user: Option<Rate>,
}

macro_rules! policies {
    ($($(#[$doc:meta])* $variant:ident, $name:ident, $where:ident;)+) => {
        /// What is limited together.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Policy {
            $($(#[$doc])* $variant,)+
        }

        impl Policy {
            /// Each of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name: in the configuration, in headers, and in metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($name),)+ }
            }

            const fn place(self) -> Place {
                match self { $(Self::$variant => Place::$where,)+ }
            }
        }

        /// How much each allows.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Policies {
            $($(#[$doc])* pub $name: PolicyLimits,)+
            /// Wrong passwords may be tried so many times as often; 0 is 1.
            pub backoff_scale: u32,
        }

        impl Policies {
            /// How much a policy allows.
            #[must_use]
            pub const fn of(&self, policy: Policy) -> PolicyLimits {
                match policy { $(Policy::$variant => self.$name,)+ }
            }
        }
    };
}

/// Where it is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// By each node for itself.
    Node,
    /// For all nodes together; not at all while that is not possible.
    Shared,
    /// For all nodes together, and by each node for itself while that is not possible.
    Strict,
}

policies! {
    /// Tries to log in.
    Login, login, Strict;
    /// Registrations.
    Register, register, Shared;
    /// New access tokens for logins that there are.
    Refresh, refresh, Shared;
    /// Passwords that are to be set anew, and what else sends mail to somebody.
    Reset, reset, Strict;
    /// Tickets for sockets.
    Tickets, tickets, Shared;
    /// Sockets that are opened.
    Sockets, sockets, Node;
    /// Searching messages and users.
    Search, search, Shared;
    /// What changes something, over REST.
    Commands, commands, Node;
    /// What only looks, over REST.
    Queries, queries, Node;
    /// Everything else: the documents, and what there is not.
    Other, other, Node;
}

impl Policy {
    /// Whether all nodes count together.
    pub(super) fn is_shared(self) -> bool {
        self.place() != Place::Node
    }

    /// Whether it is counted even if the nodes cannot count together.
    pub(super) fn is_strict(self) -> bool {
        self.place() == Place::Strict
    }
}

impl Policies {
    pub(super) const fn rate(&self, policy: Policy, who: Who) -> Option<Rate> {
        match who {
            Who::Address(_) => self.of(policy).per_ip,
            Who::User(_) => self.of(policy).per_user,
        }
    }
}
