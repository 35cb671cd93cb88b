use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{Object, OpenApi};
use posthaste_application::execute::{Command, Passcode};
use posthaste_application::problem::{Code, Problem};
use posthaste_application::recorded::StreamId;
use posthaste_domain::text::{Description, Title};
use posthaste_domain::thread::{Glance, ThreadEvent};
use posthaste_domain::{Category, Event, FileId, InviteId, Thread as State, ThreadId, UserId};
use uuid::Uuid;

use super::Tag;
use super::answer::{Answer, Changed, Made, Recorded, Tagged};
use super::auth::AccessToken;
use super::body::Body;
use super::call::Call;
use super::kinds::{History, Kind, Look, Role, SharedKind, Visibility};
use super::problem::{ApiError, Failed, failures};
use super::profile::{self, Shown};
use super::{example, revision};

pub(super) struct Threads;

/// A thread, as whoever may know of it sees it.
#[derive(Object)]
#[oai(example)]
pub(super) struct Thread {
    /// The thread.
    pub(super) id: Uuid,
    /// What kind of thread it is.
    pub(super) kind: Kind,
    /// What oneself is in it; null for whoever is not a member. In a direct thread both are members.
    pub(super) role: Option<Role>,
    /// The other of a direct thread; null for all others.
    pub(super) peer: Option<Shown>,
    /// What it is called; null for a direct thread, and when it was erased.
    pub(super) title: Option<String>,
    /// What it is about; null when nobody has said.
    pub(super) description: Option<String>,
    /// Its picture, a file; null when it has none.
    pub(super) avatar: Option<Uuid>,
    /// Who can find it.
    pub(super) visibility: Visibility,
    /// What those see who join later.
    pub(super) history: History,
    /// Whether joining takes a passcode, for those whom no invitation lets in.
    pub(super) has_passcode: bool,
    /// How many members it has.
    pub(super) members: u64,
    /// How many times its settings were set; what the `ETag` says.
    pub(super) revision: u32,
}

impl Example for Thread {
    fn example() -> Self {
        Self {
            id: example::GROUP,
            kind: Kind::Group,
            role: Some(Role::Owner),
            peer: None,
            title: Some("Saturday's hike".to_owned()),
            description: Some("Bring water.".to_owned()),
            avatar: Some(example::AVATAR),
            visibility: Visibility::Private,
            history: History::Joined,
            has_passcode: false,
            members: 3,
            revision: 3,
        }
    }
}

/// A group or channel to create.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct NewThread {
    /// Group or channel.
    kind: SharedKind,
    /// What it is called: 1 to 100 characters.
    title: String,
    /// What it is about: 1 to 1,000 characters.
    description: Option<String>,
    /// Its picture, a file.
    avatar: Option<Uuid>,
    /// Who can find it; only a channel can be public. Private when absent.
    visibility: Option<Visibility>,
    /// What those see who join later; what happens while they are members when absent.
    history: Option<History>,
    /// The first members beside oneself, up to 1,000. Who cannot be added is left out.
    #[oai(validator(max_items = 1000))]
    members: Option<Vec<Uuid>>,
}

impl Example for NewThread {
    fn example() -> Self {
        Self {
            kind: SharedKind::Group,
            title: "Saturday's hike".to_owned(),
            description: Some("Bring water.".to_owned()),
            avatar: None,
            visibility: Some(Visibility::Private),
            history: Some(History::Joined),
            members: Some(vec![example::BOB]),
        }
    }
}

/// What is to change of a thread; what is absent stays.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
struct ThreadChanges {
    /// What it is called: 1 to 100 characters.
    title: Option<String>,
    /// What it is about: 1 to 1,000 characters; null takes it away.
    description: MaybeUndefined<String>,
    /// Its picture, a file; null takes it away.
    avatar: MaybeUndefined<Uuid>,
    /// Who can find it; only a channel can be public.
    visibility: Option<Visibility>,
    /// What those see who join later.
    history: Option<History>,
    /// What joining takes, for those whom no invitation lets in: 4 to 64 characters; null takes it away. Nobody can read it again.
    passcode: MaybeUndefined<String>,
}

impl Example for ThreadChanges {
    fn example() -> Self {
        Self {
            title: Some("Sunday's hike".to_owned()),
            description: MaybeUndefined::Null,
            avatar: MaybeUndefined::Undefined,
            visibility: None,
            history: None,
            passcode: MaybeUndefined::Undefined,
        }
    }
}

failures! {
    OpenFailures = BEARER COMMAND [
        403: "`not_friends`: only friends can open a direct thread; `blocked`: one of you has blocked the other.",
        404: "`not_found`: there is no such user.",
    ]
}
failures! { CreateFailures = BODY BEARER COMMAND [409: "`conflict`: more members than this kind of thread can have."] }
failures! { GetFailures = BEARER [404: "`not_found`: there is no such thread, or none that you may know of; which of the two is not told."] }
failures! {
    UpdateFailures = BODY BEARER COMMAND ROLE [
        409: "`version_conflict`: it is not at the revision of `If-Match` any more; get it again, then decide again.",
    ]
}
failures! { DeleteFailures = BEARER COMMAND ROLE }

#[OpenApi(prefix_path = "/v1", tag = "Tag::Threads")]
impl Threads {
    /// Create a group or channel
    ///
    /// One owns it from then on. The thread's id is the `Idempotency-Key`. Of the first members, those are left out who are not users and those
    /// with whom a block stands. A group that is asked to be public is a `validation` problem.
    #[oai(path = "/threads", method = "post", operation_id = "create_thread")]
    async fn create(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread's id: a UUID, the same on every retry. Generated when absent; then the request cannot be retried.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        body: Body<NewThread>,
    ) -> Result<Made, Failed<CreateFailures>> {
        let NewThread { kind, title, description, avatar, visibility, history, members } = body.0;
        let command = Command::CreateThread {
            kind: kind.into(),
            title: Title::parse(&title)?,
            description: description.as_deref().map(Description::parse).transpose()?,
            avatar: avatar.map(FileId::new),
            visibility: visibility.map(Into::into).unwrap_or_default(),
            history: history.map(Into::into).unwrap_or_default(),
            members: members.unwrap_or_default().into_iter().map(UserId::new).collect(),
        };
        Ok(call.command(&token, key.0, command).await?.into())
    }

    /// Open the direct thread with somebody
    ///
    /// There is one for every two users, whoever opens it first; opening it again finds it. Takes a friend, unless the service lets anybody
    /// write to anybody. The `id` of the answer is the thread's.
    #[oai(path = "/threads/direct/:user", method = "put", operation_id = "open_direct_thread")]
    async fn open_direct(
        &self,
        token: AccessToken,
        call: Call,
        /// The other.
        user: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<OpenFailures>> {
        Ok(call.command(&token, key.0, Command::OpenDirect { user: UserId::new(user.0) }).await?.into())
    }

    /// Get a thread
    ///
    /// For its members; for whoever is invited; for whoever names a link that can be used, as a preview of what they would join; and for everybody
    /// if it is public. It is as it is now: there is nothing to wait for.
    #[oai(path = "/threads/:thread", method = "get", operation_id = "get_thread")]
    async fn get(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// An invitation that one holds: what a link carries.
        invite: Query<Option<Uuid>>,
    ) -> Result<Tagged<Thread>, Failed<GetFailures>> {
        let thread = ThreadId::new(thread.0);
        let state = call.state::<State>(thread).await?;
        let now = call.app.ports.clock.now();
        let glance = state.state.glance(token.0.user, invite.0.map(InviteId::new), now).ok_or(Code::NotFound)?;
        let peer = match &state.state {
            State::Direct(direct) => direct.pair().other(token.0.user),
            State::Unopened | State::Shared(_) | State::Deleted => None,
        };
        let peer = match peer {
            Some(user) => Shown::find(&call.app, user).await?,
            None => None,
        };
        let revision = glance.revision;
        Ok(Tagged::new(Thread::new(thread, glance, peer), revision))
    }

    /// Change a thread's settings
    ///
    /// Takes the owner or an admin. With `If-Match`, only if nobody has changed them since one looked. A change to what holds already changes
    /// nothing. A passcode enters neither the log nor any answer, and tells no retry from another request.
    #[oai(path = "/threads/:thread", method = "patch", operation_id = "update_thread")]
    async fn update(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
        /// The `ETag` of what one looked at, such as `"3"`; any when absent.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Body<ThreadChanges>,
    ) -> Result<Tagged<Changed>, Failed<UpdateFailures>> {
        let ThreadChanges { title, description, avatar, visibility, history, passcode } = body.0;
        let thread = ThreadId::new(thread.0);
        let command = Command::UpdateThread {
            thread,
            revision: revision::expected(if_match.0)?,
            title: title.as_deref().map(Title::parse).transpose()?,
            description: change(description, |text| Ok(Description::parse(&text)?))?,
            avatar: change(avatar, |file| Ok(FileId::new(file)))?,
            visibility: visibility.map(Into::into),
            history: history.map(Into::into),
            passcode: change(passcode, parse_passcode)?,
        };
        let executed = call.command(&token, key.0, command).await?;
        let stream = StreamId { category: Category::Thread, id: thread.uuid() };
        Ok(call.changed(executed, stream, settings_revision).await?)
    }

    /// Delete a thread
    ///
    /// Takes the owner of a group or channel. Its members are told; nothing more happens in it, and nobody can read it any more. For whoever
    /// deletes it again under another key, there is no such thread.
    #[oai(path = "/threads/:thread", method = "delete", operation_id = "delete_thread")]
    async fn delete(
        &self,
        token: AccessToken,
        call: Call,
        /// The thread.
        thread: Path<Uuid>,
        /// A UUID, the same on every retry. Generated when absent.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Uuid>>,
    ) -> Result<Answer<Recorded>, Failed<DeleteFailures>> {
        Ok(call.command(&token, key.0, Command::DeleteThread { thread: ThreadId::new(thread.0) }).await?.into())
    }
}

impl Thread {
    fn new(thread: ThreadId, glance: Glance, peer: Option<Shown>) -> Self {
        let Glance { kind, role, history, visibility, revision, members, passcode, appearance } = glance;
        let Look { title, description, avatar } = appearance.into();
        Self {
            id: thread.uuid(),
            kind: kind.into(),
            role: role.map(Into::into),
            peer,
            title,
            description,
            avatar,
            visibility: visibility.into(),
            history: history.into(),
            has_passcode: passcode.is_some(),
            members: u64::try_from(members).expect("a thread has few members"),
            revision,
        }
    }
}

/// What a thread between Alice and Bob looks like to her.
pub(super) fn between_alice_and_bob() -> Thread {
    Thread {
        id: example::THREAD,
        kind: Kind::Direct,
        role: Some(Role::Member),
        peer: Some(profile::bob()),
        title: None,
        description: None,
        avatar: None,
        visibility: Visibility::Private,
        history: History::All,
        has_passcode: false,
        members: 2,
        revision: 1,
    }
}

/// What a field asks for that may be absent, null, or given.
fn change<T, U>(field: MaybeUndefined<T>, parse: impl FnOnce(T) -> Result<U, ApiError>) -> Result<Option<Option<U>>, ApiError> {
    match field {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(value) => Ok(Some(Some(parse(value)?))),
    }
}

/// A passcode, as it was typed.
#[allow(clippy::needless_pass_by_value, reason = "nothing keeps it")]
pub(super) fn parse_passcode(text: String) -> Result<Passcode, ApiError> {
    Passcode::parse(&text).map_err(|error| Problem::with(Code::Validation, error.to_string()).into())
}

/// The revision that a thread's settings have after an event, if it says one.
fn settings_revision(event: &Event) -> Option<u32> {
    if let Event::Thread(ThreadEvent::Updated { revision, .. }) = event { Some(*revision) } else { None }
}
