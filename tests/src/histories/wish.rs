//! What somebody may want.

use proptest::collection::vec;
use proptest::prelude::*;

use super::USERS;

/// Something that somebody wants. Most wishes are granted sooner or later; what is refused leaves nothing.
#[derive(Clone, Debug)]
pub struct Wish {
    pub(super) what: What,
    /// Who wants it; where only some may, it chooses among those.
    pub(super) by: u64,
    pub(super) other: u64,
    /// Chooses among threads, messages, invitations and whatever else there is to choose.
    pub(super) pick: u64,
    pub(super) yes: bool,
    pub(super) text: String,
    /// The personal content is gone by the time anybody reads it.
    pub(super) erased: bool,
    /// When, in microseconds: neither in order nor unique.
    pub(super) at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Register,
    SetPrivacy,
    Revoke,
    VerifyEmail,
    SecondFactor,
    Grant,
    Withdraw,
    Suspend,
    Reinstate,
    Erase,
    RequestDeletion,
    CancelDeletion,
    CompleteDeletion,
    Operate,
    Request,
    Accept,
    Decline,
    Cancel,
    End,
    Block,
    Unblock,
    Open,
    Create,
    Update,
    DeleteThread,
    Add,
    Join,
    Leave,
    Remove,
    ChangeRole,
    Transfer,
    Ban,
    Unban,
    Invite,
    Link,
    EndInvite,
    Pin,
    Unpin,
    DeleteMany,
    Post,
    Forward,
    Edit,
    DeleteMessage,
    React,
    Unreact,
    Read,
    Mute,
    Archive,
}

impl Wish {
    pub(super) fn plain(what: What, by: u64, other: u64) -> Self {
        Self { what, by, other, pick: 1, yes: false, text: "hi".to_owned(), erased: false, at: 0 }
    }
}

/// Up to `most` wishes, not much fewer.
pub fn wishes(most: usize) -> impl Strategy<Value = Vec<Wish>> {
    let people = prop_oneof![
        4 => Just(What::Register),
        4 => Just(What::SetPrivacy),
        1 => Just(What::Revoke),
        1 => Just(What::VerifyEmail),
        2 => Just(What::SecondFactor),
        2 => Just(What::Grant),
        3 => Just(What::Withdraw),
        2 => Just(What::Suspend),
        3 => Just(What::Reinstate),
        1 => Just(What::Erase),
        2 => Just(What::RequestDeletion),
        2 => Just(What::CancelDeletion),
        1 => Just(What::CompleteDeletion),
        1 => Just(What::Operate),
        4 => Just(What::Request),
        6 => Just(What::Accept),
        2 => Just(What::Decline),
        1 => Just(What::Cancel),
        1 => Just(What::End),
        1 => Just(What::Block),
        2 => Just(What::Unblock),
    ];
    let threads = prop_oneof![
        8 => Just(What::Open),
        4 => Just(What::Create),
        4 => Just(What::Update),
        6 => Just(What::Add),
        6 => Just(What::Join),
        4 => Just(What::Leave),
        3 => Just(What::Remove),
        3 => Just(What::ChangeRole),
        2 => Just(What::Transfer),
        2 => Just(What::Ban),
        12 => Just(What::Unban),
        5 => Just(What::Invite),
        3 => Just(What::Link),
        12 => Just(What::EndInvite),
        1 => Just(What::DeleteThread),
    ];
    let messages = prop_oneof![
        14 => Just(What::Post),
        2 => Just(What::Forward),
        5 => Just(What::Edit),
        2 => Just(What::DeleteMessage),
        1 => Just(What::DeleteMany),
        4 => Just(What::Pin),
        2 => Just(What::Unpin),
        7 => Just(What::React),
        6 => Just(What::Unreact),
    ];
    let own = prop_oneof![Just(What::Read), Just(What::Mute), Just(What::Archive)];
    let what = prop_oneof![4 => people, 6 => threads, 10 => messages, 2 => own];
    let word = prop::sample::select(vec!["alpha", "Beta", "ALPHABET", "gamma's", "Älter", "日本語", "50%", "a_b", "back\\slash", "&|!"]);
    let text = prop_oneof![
        4 => vec(word, 1..5).prop_map(|words| words.join(" ")),
        1 => "[ -~]{1,12}|\\PC{1,12}",
        1 => Just("long ".repeat(50)),
    ];
    let wish = (what, 0..USERS, 0..USERS, any::<u32>(), any::<bool>(), text, prop::bool::weighted(0.1), 0..50_i64);
    let wish = wish.prop_map(|(what, by, other, pick, yes, text, erased, at)| Wish {
        what,
        by,
        other,
        pick: u64::from(pick),
        yes,
        text,
        erased,
        at,
    });
    vec(wish, most / 2..most)
}
