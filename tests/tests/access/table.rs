//! The table: what everybody is answered. `ok` is any success; otherwise the code of the problem, shortened: `401` unauthorized,
//! `403` forbidden, `404` not_found, `out` not_member, `str` not_friends (strangers), `blk` blocked, `409` conflict, `400` validation, `sus`
//! account_suspended.

use serde_json::json;

use super::scene::{Request, Scene, newcomer, nothing, outside};

/// An operation and what everybody is answered, in the order of [`super::scene::WHO`].
pub(crate) struct Row {
    /// The id of the operation; what follows a slash tells the rows of one operation apart.
    pub(crate) operation: &'static str,
    /// What is asked.
    pub(crate) request: fn(&Scene<'_>) -> Request,
    /// The answers, shortened.
    pub(crate) expected: &'static str,
}

/// The code that a short form stands for.
pub(crate) fn code(short: &str) -> &str {
    match short {
        "401" => "unauthorized",
        "403" => "forbidden",
        "404" => "not_found",
        "out" => "not_member",
        "str" => "not_friends",
        "blk" => "blocked",
        "sus" => "account_suspended",
        "409" => "conflict",
        "400" => "validation",
        other => other,
    }
}

macro_rules! table {
    ($($operation:literal $expected:literal $request:expr;)+) => {
        /// All of it.
        pub(crate) const TABLE: &[Row] = &[$(Row { operation: $operation, request: $request, expected: $expected },)+];
    };
}

#[rustfmt::skip]
table! {
// what                            anonymous outsider invited member left removed banned blocked admin owner, suspended auditor operator
// Anybody.
"about"                           "ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok " |_| outside("/");
"alive"                           "ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok " |_| outside("/healthz");
"ready"                           "ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok " |_| outside("/readyz");
"metrics"                         "ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok " |_| outside("/metrics");
"register_user"                   "ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok " |s| s.post("/users", newcomer());
"log_in"                          "401 401 401 401 401 401 401 401 401 401 401 401 401" |s| s.post("/sessions", json!({ "login": "nobody.at.all", "password": "a password of mine" }));
"refresh_session"                 "401 401 401 401 401 401 401 401 401 401 401 401 401" |s| s.post("/sessions/refresh", json!({ "refresh_token": "phr_nothing" }));
"ask_password_reset"              "ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok " |s| s.post("/password/reset", json!({ "email": "nobody@example.invalid" }));
"reset_password"                  "403 403 403 403 403 403 403 403 403 403 403 403 403" |s| s.post("/password/reset/confirm", json!({ "token": "pho_nothing", "new_password": "a password of mine" }));
"begin_passkey_login"             "ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok " |s| s.post("/sessions/passkey/challenge", json!({}));
"log_in_with_passkey"             "401 401 401 401 401 401 401 401 401 401 401 401 401" |s| s.post("/sessions/passkey", json!({ "passkey": { "ceremony": "nothing", "credential": {} } }));
"verify_email"                    "403 403 403 403 403 403 403 403 403 403 403 403 403" |s| s.post("/email/verify", json!({ "token": "pho_nothing" }));
"list_oidc_providers"             "ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok " |s| s.get("/oidc/providers");
"authorize_oidc"                  "404 404 404 404 404 404 404 404 404 404 404 404 404" |s| s.get("/oidc/nobody/authorize?return_to=/&challenge=none");
"return_from_oidc"                "403 403 403 403 403 403 403 403 403 403 403 403 403" |s| s.get("/oidc/nobody/callback?state=none&code=none");
"log_in_with_oidc"                "401 401 401 401 401 401 401 401 401 401 401 401 401" |s| s.post("/sessions/oidc", json!({ "code": "nothing", "verifier": "nothing" }));
// Anybody who is logged in, about themselves or what everybody sees.
"create_ticket"                   "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.post("/ws/tickets", json!({}));
"log_out"                         "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.delete("/sessions/current");
"end_session"                     "401 404 404 404 404 404 404 404 404 404 sus 404 404" |s| s.delete(&format!("/sessions/{}", nothing()));
"name_session"                    "401 404 404 404 404 404 404 404 404 404 sus 404 404" |s| s.patch(&format!("/sessions/{}", nothing()), json!({ "name": "mine" }));
"list_my_sessions"                "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/sessions");
"log_out_everywhere"              "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.delete("/sessions?keep_current=true");
"change_password"                 "401 403 403 403 403 403 403 403 403 403 sus 403 403" |s| s.put_with("/me/password", json!({ "current": "not my password", "new": "a password of mine" }));
"step_up"                         "401 403 403 403 403 403 403 403 403 403 sus 403 403" |s| s.post("/sessions/current/step-up", json!({ "password": "not my password" }));
"get_totp"                        "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/me/totp");
"enrol_totp"                      "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.post("/me/totp", json!({}));
"confirm_totp"                    "401 404 404 404 404 404 404 404 404 404 sus 404 404" |s| s.post("/me/totp/confirm", json!({ "code": "000000" }));
"disable_totp"                    "401 404 404 404 404 404 404 404 404 404 sus 404 404" |s| s.delete("/me/totp");
"renew_recovery_codes"            "401 404 404 404 404 404 404 404 404 404 sus 404 404" |s| s.post("/me/recovery-codes", json!({}));
"list_my_passkeys"                "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/me/passkeys");
"begin_passkey_registration"      "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.post("/me/passkeys/challenge", json!({}));
"register_passkey"                "401 403 403 403 403 403 403 403 403 403 sus 403 403" |s| s.post("/me/passkeys", json!({ "ceremony": "nothing", "credential": {} }));
"rename_passkey"                  "401 404 404 404 404 404 404 404 404 404 sus 404 404" |s| s.patch(&format!("/me/passkeys/{}", nothing()), json!({ "name": "mine" }));
"remove_passkey"                  "401 404 404 404 404 404 404 404 404 404 sus 404 404" |s| s.delete(&format!("/me/passkeys/{}", nothing()));
"list_identities"                 "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/me/identities");
"link_identity"                   "401 403 403 403 403 403 403 403 403 403 sus 403 403" |s| s.post("/me/identities", json!({ "code": "nothing", "verifier": "nothing" }));
"unlink_identity"                 "401 404 404 404 404 404 404 404 404 404 sus 404 404" |s| s.delete(&format!("/me/identities/{}", nothing()));
"delete_me"                       "401 400 400 400 400 400 400 400 400 400 sus 400 400" |s| s.post("/me/deletion", json!({ "username": "another" }));
"get_me"                          "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/me");
"ask_email_verification"          "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.post("/me/email/verify", json!({}));
"get_privacy"                     "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/me/privacy");
"set_privacy"                     "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.put_with("/me/privacy", json!({ "presence": "everyone", "last_seen": "friends", "read_receipts": true }));
"get_user"                        "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/users/{target}");
"look_up_users"                   "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/users?q=target");
"list_friends"                    "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/friends");
"get_presence"                    "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/presence?users={target}");
"list_friends_online"             "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/friends/presence");
"list_blocks"                     "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/blocks");
"list_threads"                    "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/threads");
"list_invitations"                "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/invitations");
"discover_threads"                "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/threads/public");
"search"                          "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/search?q=this");
"create_thread"                   "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.post("/threads", json!({ "kind": "group", "title": "Another" }));
// Towards the owner: the member is their friend, the blocked are blocked, the others are strangers.
"request_friendship"              "401 ok  ok  409 ok  ok  ok  blk ok  400 sus ok  ok " |s| s.post("/friend-requests", json!({ "user": s.owner() }));
"drop_friend_request"             "401 404 404 404 404 404 404 404 404 400 sus 404 404" |s| s.delete("/friend-requests/{owner}");
"accept_friendship"               "401 404 404 ok  404 404 404 404 404 400 sus 404 404" |s| s.put("/friends/{owner}");
"end_friendship"                  "401 str str ok  str str str str str 400 sus str str" |s| s.delete("/friends/{owner}");
"block_user"                      "401 ok  ok  ok  ok  ok  ok  ok  ok  400 sus ok  ok " |s| s.put("/blocks/{owner}");
"unblock_user"                    "401 ok  ok  ok  ok  ok  ok  ok  ok  400 sus ok  ok " |s| s.delete("/blocks/{owner}");
"open_direct_thread"              "401 str str ok  str str str blk str 400 sus str str" |s| s.put("/threads/direct/{owner}");
// The private group.
"get_thread"                      "401 404 ok  ok  404 404 404 404 ok  ok  sus 404 404" |s| s.get("/threads/{thread}");
"get_thread/by_link"              "401 ok  ok  ok  ok  ok  404 ok  ok  ok  sus ok  ok " |s| s.get("/threads/{thread}?invite={link}");
"update_thread"                   "401 404 out 403 404 404 404 404 ok  ok  sus 404 404" |s| s.patch("/threads/{thread}", json!({ "title": "Renamed" }));
"delete_thread"                   "401 404 out 403 404 404 404 404 403 ok  sus 404 404" |s| s.delete("/threads/{thread}");
"transfer_ownership"              "401 404 out 403 404 404 404 404 403 ok  sus 404 404" |s| s.put_with("/threads/{thread}/owner", json!({ "user": s.target() }));
"read_thread"                     "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.put_with("/threads/{thread}/read", json!({ "upto": 1 }));
"mute_thread"                     "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.put("/threads/{thread}/mute");
"unmute_thread"                   "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.delete("/threads/{thread}/mute");
"archive_thread"                  "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.put("/threads/{thread}/archive");
"unarchive_thread"                "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.delete("/threads/{thread}/archive");
"list_members"                    "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.get("/threads/{thread}/members");
"add_members"                     "401 404 out 403 404 404 404 404 ok  ok  sus 404 404" |s| s.post("/threads/{thread}/members", json!({ "users": [s.stranger()] }));
"change_role"                     "401 404 out 403 404 404 404 404 403 ok  sus 404 404" |s| s.patch("/threads/{thread}/members/{target}", json!({ "role": "admin" }));
"remove_member"                   "401 404 out 403 404 404 404 404 ok  ok  sus 404 404" |s| s.delete("/threads/{thread}/members/{target}");
"remove_member/the_owner"         "401 404 out 403 404 404 404 404 403 403 sus 404 404" |s| s.delete("/threads/{thread}/members/{owner}");
"join_thread"                     "401 404 ok  ok  404 404 404 404 ok  ok  sus 404 404" |s| s.put_with("/threads/{thread}/members/me", json!({}));
"join_thread/by_link"             "401 ok  ok  ok  ok  ok  404 ok  ok  ok  sus ok  ok " |s| s.put_with("/threads/{thread}/members/me", json!({ "invite": s.link }));
"leave_thread"                    "401 404 out ok  404 404 404 404 ok  409 sus 404 404" |s| s.delete("/threads/{thread}/members/me");
"list_bans"                       "401 404 out 403 404 404 404 404 ok  ok  sus 404 404" |s| s.get("/threads/{thread}/bans");
"ban_user"                        "401 404 out 403 404 404 404 404 ok  ok  sus 404 404" |s| s.put("/threads/{thread}/bans/{target}");
"unban_user"                      "401 404 out 403 404 404 404 404 ok  ok  sus 404 404" |s| s.delete("/threads/{thread}/bans/{outcast}");
"list_invites"                    "401 404 out 403 404 404 404 404 ok  ok  sus 404 404" |s| s.get("/threads/{thread}/invites");
"create_invite"                   "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.post("/threads/{thread}/invites", json!({ "user": s.stranger() }));
"create_invite/link"              "401 404 out 403 404 404 404 404 ok  ok  sus 404 404" |s| s.post("/threads/{thread}/invites", json!({}));
"end_invite"                      "401 404 ok  403 404 404 404 404 ok  ok  sus 404 404" |s| s.delete("/threads/{thread}/invites/{invite}");
"end_invite/link"                 "401 404 out 403 404 404 404 404 ok  ok  sus 404 404" |s| s.delete("/threads/{thread}/invites/{link}");
"list_messages"                   "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.get("/threads/{thread}/messages");
"list_messages/around"            "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.get("/threads/{thread}/messages?around={message}");
"post_message"                    "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.post("/threads/{thread}/messages", json!({ "content": { "kind": "text", "text": "Hello." } }));
"post_message/reply"              "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.post("/threads/{thread}/messages", json!({ "content": { "kind": "text", "text": "Yes." }, "reply_to": s.message }));
"forward_message"                 "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.post("/threads/{thread}/forwards", json!({ "message": s.message }));
"delete_messages"                 "401 404 out 403 404 404 404 404 ok  ok  sus 404 404" |s| s.post("/threads/{thread}/message-deletions", json!({ "messages": [s.message] }));
"search_thread"                   "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.get("/threads/{thread}/search?q=this");
"list_pins"                       "401 404 out ok  404 404 404 404 ok  ok  sus 404 404" |s| s.get("/threads/{thread}/pins");
"pin_message"                     "401 404 404 403 404 404 404 404 ok  ok  sus 404 404" |s| s.put("/threads/{thread}/pins/{message}");
"unpin_message"                   "401 404 404 403 404 404 404 404 ok  ok  sus 404 404" |s| s.delete("/threads/{thread}/pins/{pinned}");
// The owner's message in it. Whoever is not in it finds no message, whatever they know of the group.
"get_message"                     "401 404 404 ok  404 404 404 404 ok  ok  sus 404 404" |s| s.get("/messages/{message}");
"edit_message"                    "401 404 404 403 404 404 404 404 403 ok  sus 404 404" |s| s.patch("/messages/{message}", json!({ "content": { "kind": "text", "text": "Better." } }));
"delete_message"                  "401 404 404 403 404 404 404 404 ok  ok  sus 404 404" |s| s.delete("/messages/{message}");
"list_deliveries"                 "401 404 404 403 404 404 404 404 403 ok  sus ok  ok " |s| s.get("/messages/{message}/deliveries");
"list_readers"                    "401 404 404 ok  404 404 404 404 ok  ok  sus 404 404" |s| s.get("/messages/{message}/readers");
"list_reactions"                  "401 404 404 ok  404 404 404 404 ok  ok  sus 404 404" |s| s.get("/messages/{message}/reactions");
"react"                           "401 404 404 ok  404 404 404 404 ok  ok  sus 404 404" |s| s.put("/messages/{message}/reactions/%F0%9F%91%8D");
"unreact"                         "401 404 404 ok  404 404 404 404 ok  ok  sus 404 404" |s| s.delete("/messages/{message}/reactions/%F0%9F%91%8D");
// The public channel, which only the owner is in: everybody may know of it.
"get_thread/public"               "401 ok  ok  ok  ok  ok  ok  ok  ok  ok  sus ok  ok " |s| s.get("/threads/{channel}");
"join_thread/public"              "401 ok  ok  ok  ok  ok  403 ok  ok  ok  sus ok  ok " |s| s.put_with("/threads/{channel}/members/me", json!({}));
"list_members/public"             "401 out out out out out out out out ok  sus out out" |s| s.get("/threads/{channel}/members");
"list_messages/public"            "401 out out out out out out out out ok  sus out out" |s| s.get("/threads/{channel}/messages");
"post_message/public"             "401 out out out out out out out out ok  sus out out" |s| s.post("/threads/{channel}/messages", json!({ "content": { "kind": "text", "text": "Hello." } }));
// Everything about the service: whoever is neither admin nor auditor finds nothing, and an auditor changes nothing.
"count_everything"                "401 404 404 404 404 404 404 404 404 404 sus ok  ok " |s| s.get("/admin/counts");
"get_lag"                         "401 404 404 404 404 404 404 404 404 404 sus ok  ok " |s| s.get("/admin/lag");
"get_mail"                        "401 404 404 404 404 404 404 404 404 404 sus ok  ok " |s| s.get("/admin/mail");
"list_accounts"                   "401 404 404 404 404 404 404 404 404 404 sus ok  ok " |s| s.get("/admin/users");
"get_account"                     "401 404 404 404 404 404 404 404 404 404 sus ok  ok " |s| s.get("/admin/users/{target}");
"list_sessions"                   "401 404 404 404 404 404 404 404 404 404 sus ok  ok " |s| s.get("/admin/users/{target}/sessions");
"list_live_sessions"              "401 404 404 404 404 404 404 404 404 404 sus ok  ok " |s| s.get("/admin/sessions");
"list_events"                     "401 404 404 404 404 404 404 404 404 404 sus ok  ok " |s| s.get("/admin/events?limit=1");
"get_event"                       "401 404 404 404 404 404 404 404 404 404 sus ok  ok " |s| s.get("/admin/events/1");
"list_dead_letters"               "401 404 404 404 404 404 404 404 404 404 sus ok  ok " |s| s.get("/admin/dead-letters");
"get_dead_letter"                 "401 404 404 404 404 404 404 404 404 404 sus 404 404" |s| s.get("/admin/dead-letters/view:timeline/message-{message}");
"retry_dead_letter"               "401 404 404 404 404 404 404 404 404 404 sus 403 404" |s| s.post("/admin/dead-letters/view:timeline/message-{message}/retry", json!({ "position": 1 }));
"drop_dead_letter"                "401 404 404 404 404 404 404 404 404 404 sus 403 404" |s| s.post("/admin/dead-letters/view:timeline/message-{message}/drop", json!({ "position": 1 }));
"suspend_user"                    "401 404 404 404 404 404 404 404 404 404 sus 403 ok " |s| s.post("/admin/users/{stranger}/suspend", json!({ "reason": "spam" }));
"reinstate_user"                  "401 404 404 404 404 404 404 404 404 404 sus 403 ok " |s| s.post("/admin/users/{stranger}/reinstate", json!({}));
"erase_user"                      "401 404 404 404 404 404 404 404 404 404 sus 403 ok " |s| s.post("/admin/users/{stranger}/erase", json!({}));
"grant_role"                      "401 404 404 404 404 404 404 404 404 404 sus 403 ok " |s| s.put("/admin/users/{stranger}/roles/auditor");
"withdraw_role"                   "401 404 404 404 404 404 404 404 404 404 sus 403 ok " |s| s.delete("/admin/users/{stranger}/roles/admin");
"revoke_session"                  "401 404 404 404 404 404 404 404 404 404 sus 403 ok " |s| s.delete(&format!("/admin/users/{{stranger}}/sessions/{}", nothing()));
"get_event/nothing"               "401 404 404 404 404 404 404 404 404 404 sus 404 404" |s| s.get("/admin/events/999999999");
"suspend_user/nobody"             "401 404 404 404 404 404 404 404 404 404 sus 403 404" |s| s.post(&format!("/admin/users/{}/suspend", nothing()), json!({}));
// What does not exist answers as what one may not know of.
"get_thread/nothing"              "401 404 404 404 404 404 404 404 404 404 sus 404 404" |s| s.get(&format!("/threads/{}", nothing()));
"get_message/nothing"             "401 404 404 404 404 404 404 404 404 404 sus 404 404" |s| s.get(&format!("/messages/{}", nothing()));
}
