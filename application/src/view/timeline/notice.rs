//! What the server has to say about a thread.

use posthaste_domain::thread::{Appearance, Role, ThreadEvent};
use posthaste_domain::{Event, Personal, UserId};

use super::{NOTICE_USERS, Notice};

impl Notice {
    /// What an event gives the server to say in the timeline of its thread, if anything.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let title = |content: &Personal<Appearance>| content.known().map(|appearance| appearance.title.as_str().to_owned());
        let (by, users, role, title): (UserId, &[UserId], Option<Role>, Option<String>) = match event {
            Event::Thread(event) => match event {
                ThreadEvent::Created { by, members, content, .. } => (*by, members, None, title(content)),
                ThreadEvent::Updated { by, content, .. } => (*by, &[], None, title(content)),
                ThreadEvent::MembersAdded { by, members, .. } => (*by, members, None, None),
                ThreadEvent::Joined { user, .. } | ThreadEvent::Left { user, .. } => (*user, std::slice::from_ref(user), None, None),
                ThreadEvent::MemberRemoved { by, user, .. } | ThreadEvent::Banned { by, user, removed: true, .. } => {
                    (*by, std::slice::from_ref(user), None, None)
                }
                ThreadEvent::RoleChanged { by, user, role, .. } => (*by, std::slice::from_ref(user), Some(*role), None),
                ThreadEvent::OwnershipTransferred { by, to, .. } => (*by, std::slice::from_ref(to), None, None),
                ThreadEvent::Opened { .. }
                | ThreadEvent::Deleted { .. }
                | ThreadEvent::Banned { removed: false, .. }
                | ThreadEvent::Unbanned { .. }
                | ThreadEvent::Invited { .. }
                | ThreadEvent::LinkCreated { .. }
                | ThreadEvent::InviteDeclined { .. }
                | ThreadEvent::InviteRevoked { .. }
                | ThreadEvent::MessagePinned { .. }
                | ThreadEvent::MessageUnpinned { .. }
                | ThreadEvent::MessagesDeleted { .. } => return None,
            },
            Event::Message(_) | Event::User(_) | Event::Claim(_) | Event::Friendship(_) | Event::Subscription(_) | Event::Operation(_) => {
                return None;
            }
        };
        Some(Self {
            event: event.event_type().to_owned(),
            by,
            users: users.iter().take(NOTICE_USERS).copied().collect(),
            count: u32::try_from(users.len()).unwrap_or(u32::MAX),
            role,
            title,
        })
    }
}
