//! Messages and what happened to them, notices, pins, reactions.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::recorded::Recorded;
use posthaste_application::view::{Notice, ViewName, search};
use posthaste_domain::event::Personal;
use posthaste_domain::message::{MessageContent, MessageEvent};
use posthaste_domain::text::Emoji;
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::user::UserEvent;
use posthaste_domain::{Event, MessageId, ThreadId, UserId};
use uuid::Uuid;

use super::super::super::door::{Statement, statement};
use super::super::projection::{PLACE, unreadable};
use super::super::words;
use super::{IdRow, Ids, Moment, PairRow, Pairs, Write, columns, int};

const ADD: Statement = statement!("views_timeline_add");
const CHANGE: Statement = statement!("views_timeline_change");
const ERASE: Statement = statement!("views_timeline_erase");
const PIN: Statement = statement!("views_pins_add");
const UNPIN: Statement = statement!("views_pins_remove");
const REACT: Statement = statement!("views_reactions_add");
const UNREACT: Statement = statement!("views_reactions_remove");
const CLEAR: Statement = statement!("views_reactions_clear");

columns! {
    /// A message that was posted in the batch, or a notice. Lists have blanks between their items.
    EntryRow as Entries {
        thread: Uuid,
        position: i64,
        at: DateTime<Utc>,
        by: Uuid,
        users: String,
        message: Option<Uuid>,
        body: Option<String>,
        attachments: Option<String>,
        deleted: bool,
        revision: i32,
        edited_at: Option<DateTime<Utc>>,
        reply_to: Option<Uuid>,
        forwarded_message: Option<Uuid>,
        forwarded_author: Option<Uuid>,
        words: Option<String>,
        notice: Option<String>,
        notice_count: Option<i32>,
        notice_role: Option<&'static str>,
        notice_title: Option<String>,
    }
}
columns! {
    /// What became of a message from before the batch.
    ChangeRow as Changes {
        message: Uuid,
        users: String,
        body: Option<String>,
        attachments: Option<String>,
        words: Option<String>,
        deleted: bool,
        revision: Option<i32>,
        edited_at: Option<DateTime<Utc>>,
    }
}
columns! {
    /// A pin.
    PinRow as Pins { thread: Uuid, message: Uuid, pinned: i64 }
}
columns! {
    /// A reaction.
    ReactionRow as Reactions { message: Uuid, emoji: String, user: Uuid, position: i64, at: DateTime<Utc> }
}
columns! {
    /// A reaction that was taken back.
    TakenBackRow as TakenBack { message: Uuid, emoji: String, user: Uuid }
}

/// What a message says, as the tables have it.
struct Said {
    mentions: String,
    body: Option<String>,
    attachments: Option<String>,
    words: Option<String>,
}

impl Said {
    const NOTHING: Self = Self { mentions: String::new(), body: None, attachments: None, words: None };

    fn new(mentions: &[UserId], content: &Personal<MessageContent>) -> Result<Self, PortError> {
        let content = content.known();
        let body = content.and_then(MessageContent::text).map(|text| text.as_str().to_owned());
        let attachments = content.map(MessageContent::attachments).filter(|files| !files.is_empty());
        let attachments = attachments.map(serde_json::to_string).transpose().map_err(|error| PortError::poison(PLACE, error))?;
        let words = body.as_deref().map(|text| {
            let mut words: Vec<_> = search::words(text).collect();
            words.sort_unstable();
            words.dedup();
            words.join(" ")
        });
        Ok(Self { mentions: list(mentions), body, attachments, words })
    }
}

impl EntryRow {
    fn notice(thread: ThreadId, notice: Notice, now: Moment) -> Result<Self, PortError> {
        Ok(Self {
            thread: thread.uuid(),
            position: now.position,
            at: now.at,
            by: notice.by.uuid(),
            users: list(&notice.users),
            message: None,
            body: None,
            attachments: None,
            deleted: false,
            revision: 0,
            edited_at: None,
            reply_to: None,
            forwarded_message: None,
            forwarded_author: None,
            words: None,
            notice: Some(notice.event),
            notice_count: Some(int(notice.count)?),
            notice_role: notice.role.map(words::role),
            notice_title: notice.title,
        })
    }

    fn say(&mut self, said: Said) {
        (self.users, self.body, self.attachments, self.words) = (said.mentions, said.body, said.attachments, said.words);
    }
}

/// What became of one reaction.
#[derive(Default)]
struct Reacted {
    /// It was taken back in the batch, if only to be given again.
    taken_back: bool,
    given: Option<Moment>,
}

/// A batch, folded.
#[derive(Default)]
struct Batch {
    notices: Vec<EntryRow>,
    posted: HashMap<MessageId, EntryRow>,
    changed: HashMap<MessageId, ChangeRow>,
    /// Who wrote anew what those say that were edited.
    editors: HashMap<MessageId, UserId>,
    /// Who was erased: nothing is said any more in their words.
    erased: HashSet<UserId>,
    pins: HashMap<(ThreadId, MessageId), Option<Moment>>,
    reactions: HashMap<MessageId, HashMap<(UserId, Emoji), Reacted>>,
    /// Messages from before the batch that lost their reactions, for they were deleted.
    cleared: HashSet<MessageId>,
}

impl Batch {
    fn on_message(&mut self, event: &MessageEvent, now: Moment) -> Result<(), PortError> {
        match event {
            MessageEvent::Posted { message, thread, author, reply_to, mentions, forwarded, content } => {
                let said = Said::new(mentions, content)?;
                let row = EntryRow {
                    thread: thread.uuid(),
                    position: now.position,
                    at: now.at,
                    by: author.uuid(),
                    users: said.mentions,
                    message: Some(message.uuid()),
                    body: said.body,
                    attachments: said.attachments,
                    deleted: false,
                    revision: 1,
                    edited_at: None,
                    reply_to: reply_to.map(MessageId::uuid),
                    forwarded_message: forwarded.map(|forwarded| forwarded.message.uuid()),
                    forwarded_author: forwarded.map(|forwarded| forwarded.author.uuid()),
                    words: said.words,
                    notice: None,
                    notice_count: None,
                    notice_role: None,
                    notice_title: None,
                };
                self.posted.insert(*message, row);
            }
            MessageEvent::Edited { message, thread: _, author, revision, mentions, content } => {
                self.editors.insert(*message, *author);
                let (said, revision) = (Said::new(mentions, content)?, int(*revision)?);
                match self.posted.get_mut(message) {
                    Some(row) if row.deleted => {}
                    Some(row) => {
                        row.say(said);
                        (row.revision, row.edited_at) = (revision, Some(now.at));
                    }
                    None => self.change(*message, said, |row| (row.revision, row.edited_at) = (Some(revision), Some(now.at))),
                }
            }
            MessageEvent::Deleted { message, thread, by: _ } => self.delete(*thread, *message),
            MessageEvent::Reacted { message, thread: _, user, emoji } => {
                if !self.has_deleted(*message) {
                    self.reaction(*message, *user, emoji).given.get_or_insert(now);
                }
            }
            MessageEvent::Unreacted { message, thread: _, user, emoji } => {
                *self.reaction(*message, *user, emoji) = Reacted { taken_back: true, given: None };
            }
        }
        Ok(())
    }

    fn on_thread(&mut self, event: &ThreadEvent, now: Moment) {
        match event {
            ThreadEvent::MessagePinned { thread, by: _, message } => drop(self.pins.insert((*thread, *message), Some(now))),
            ThreadEvent::MessageUnpinned { thread, by: _, message } => drop(self.pins.insert((*thread, *message), None)),
            ThreadEvent::MessagesDeleted { thread, by: _, messages } => {
                messages.iter().for_each(|message| self.delete(*thread, *message));
            }
            ThreadEvent::Opened { .. }
            | ThreadEvent::Created { .. }
            | ThreadEvent::Updated { .. }
            | ThreadEvent::Deleted { .. }
            | ThreadEvent::MembersAdded { .. }
            | ThreadEvent::Joined { .. }
            | ThreadEvent::Left { .. }
            | ThreadEvent::MemberRemoved { .. }
            | ThreadEvent::RoleChanged { .. }
            | ThreadEvent::OwnershipTransferred { .. }
            | ThreadEvent::Banned { .. }
            | ThreadEvent::Unbanned { .. }
            | ThreadEvent::Invited { .. }
            | ThreadEvent::LinkCreated { .. }
            | ThreadEvent::InviteDeclined { .. }
            | ThreadEvent::InviteRevoked { .. } => {}
        }
    }

    /// Changes a message from before the batch, unless it was deleted in it.
    fn change(&mut self, message: MessageId, said: Said, change: impl FnOnce(&mut ChangeRow)) {
        let row = self.changed.entry(message).or_insert_with(|| ChangeRow {
            message: message.uuid(),
            users: String::new(),
            body: None,
            attachments: None,
            words: None,
            deleted: false,
            revision: None,
            edited_at: None,
        });
        if !row.deleted {
            (row.users, row.body, row.attachments, row.words) = (said.mentions, said.body, said.attachments, said.words);
            change(row);
        }
    }

    /// Nothing of what a message said is kept.
    fn delete(&mut self, thread: ThreadId, message: MessageId) {
        match self.posted.get_mut(&message) {
            Some(row) => {
                row.say(Said::NOTHING);
                row.deleted = true;
            }
            None => {
                self.change(message, Said::NOTHING, |row| row.deleted = true);
                self.cleared.insert(message);
            }
        }
        self.reactions.remove(&message);
        self.pins.insert((thread, message), None);
    }

    /// Takes out what is in the words of a user: here from what the batch writes, and before that is written from what stands in the table.
    fn erase(&mut self, user: UserId) {
        let speaker = |row: &EntryRow| row.forwarded_author.filter(|_| row.revision == 1).unwrap_or(row.by);
        for row in self.posted.values_mut().filter(|row| speaker(row) == user.uuid()) {
            (row.body, row.attachments, row.words) = (None, None, None);
        }
        for (_, row) in self.changed.iter_mut().filter(|(message, _)| self.editors.get(message) == Some(&user)) {
            (row.body, row.attachments, row.words) = (None, None, None);
        }
        self.erased.insert(user);
    }

    fn has_deleted(&self, message: MessageId) -> bool {
        self.posted.get(&message).is_some_and(|row| row.deleted) || self.cleared.contains(&message)
    }

    fn reaction(&mut self, message: MessageId, user: UserId, emoji: &Emoji) -> &mut Reacted {
        self.reactions.entry(message).or_default().entry((user, emoji.clone())).or_default()
    }

    /// What is taken away is written before what is added: a reaction or a pin may have been made again.
    fn writes(self) -> Vec<Write> {
        let reactions = || self.reactions.iter().flat_map(|(message, reactions)| reactions.iter().map(|reaction| (*message, reaction)));
        let taken_back = reactions().filter(|(_, (_, reacted))| reacted.taken_back);
        let taken_back = taken_back.map(|(message, ((user, emoji), _))| TakenBackRow {
            message: message.uuid(),
            emoji: emoji.as_str().to_owned(),
            user: user.uuid(),
        });
        let given = reactions().filter_map(|(message, ((user, emoji), reacted))| {
            let Moment { position, at } = reacted.given?;
            Some(ReactionRow { message: message.uuid(), emoji: emoji.as_str().to_owned(), user: user.uuid(), position, at })
        });
        let unpinned = self.pins.iter().filter(|(_, pinned)| pinned.is_none());
        let unpinned = unpinned.map(|((thread, message), _)| PairRow::from((thread.uuid(), message.uuid())));
        let pinned = self.pins.iter().filter_map(|((thread, message), pinned)| {
            Some(PinRow { thread: thread.uuid(), message: message.uuid(), pinned: pinned.as_ref()?.position })
        });
        vec![
            Write::of::<Ids, _>(ERASE, self.erased.iter().map(|user| IdRow::from(user.uuid()))),
            Write::of::<Changes, _>(CHANGE, self.changed.values().cloned()),
            Write::of::<Ids, _>(CLEAR, self.cleared.iter().map(|message| IdRow::from(message.uuid()))),
            Write::of::<TakenBack, _>(UNREACT, taken_back),
            Write::of::<Reactions, _>(REACT, given),
            Write::of::<Pairs, _>(UNPIN, unpinned),
            Write::of::<Pins, _>(PIN, pinned),
            Write::of::<Entries, _>(ADD, self.notices.into_iter().chain(self.posted.into_values())),
        ]
    }
}

/// Identifiers with blanks between them.
fn list(users: &[UserId]) -> String {
    users.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

pub(in super::super) fn writes(events: &[&Recorded]) -> Result<Vec<Write>, PortError> {
    let mut batch = Batch::default();
    for recorded in events.iter().filter(|recorded| ViewName::Timeline.takes(recorded.stream.category)) {
        let now = Moment::of(recorded)?;
        let event = recorded.event().map_err(unreadable)?;
        if let (Some(notice), Event::Thread(said)) = (Notice::of(event), event) {
            batch.notices.push(EntryRow::notice(said.thread(), notice, now)?);
        }
        match event {
            Event::Thread(event) => batch.on_thread(event, now),
            Event::Message(event) => batch.on_message(event, now)?,
            Event::User(UserEvent::Erased { user }) => batch.erase(*user),
            Event::User(_) | Event::Claim(_) | Event::Friendship(_) | Event::Subscription(_) | Event::Operation(_) => {}
        }
    }
    Ok(batch.writes())
}
