use jsonwebtoken::errors::Result;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> DateTime<Utc> {
        now()
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn secret(byte: u8) -> Secret {
    Secret::new([byte; 32]).unwrap()
}

fn tokens(byte: u8) -> JwtTokens {
    JwtTokens::new(&secret(byte), "https://chat.example", Arc::new(Stopped))
}

fn access() -> Access {
    let (user, session) = (UserId::new(Uuid::from_u128(1)), SessionId::new(Uuid::from_u128(2)));
    Access { user, session, expires_at: now() + ACCESS_LIFETIME }
}

/// A token of ours but for some changes to its header and claims, signed with the right secret; `null` takes a claim away.
fn forged(change_header: impl FnOnce(&mut Header), claims: Value) -> Result<String> {
    let mut header = Header { typ: Some(TYPE.to_owned()), kid: Some(key_id(&secret(1))), ..Header::new(ALGORITHM) };
    change_header(&mut header);
    let mut all = json!({
        "iss": "https://chat.example",
        "sub": access().user,
        "aud": "posthaste",
        "sid": access().session,
        "iat": now().timestamp(),
        "exp": access().expires_at.timestamp(),
    });
    let object = all.as_object_mut().unwrap();
    for (claim, value) in claims.as_object().unwrap() {
        object.insert(claim.clone(), value.clone());
    }
    object.retain(|_, value| !value.is_null());
    encode(&header, &all, &EncodingKey::from_secret(&[1; 32]))
}

#[test]
fn a_token_says_what_it_is_and_for_whom() {
    let token = tokens(1).issue(&access()).unwrap();
    let unchanged = forged(|_| {}, json!({})).unwrap();
    assert_eq!(tokens(1).verify(&unchanged, now()), Ok(access()), "what these tests change is good in itself");
    let header = decode_header(&token).unwrap();
    assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::HS256, Some("at+jwt")));
    assert!(header.kid.is_some());
    assert_eq!(tokens(1).verify(&token, now()), Ok(access()));
}

#[test]
fn a_token_with_other_claims_is_refused() {
    for claims in [
        json!({"aud": "somebody else"}),
        json!({"aud": ["posthaste", "somebody else"]}),
        json!({"aud": null}),
        json!({"iss": "https://other.example"}),
        json!({"iss": null}),
        json!({"sub": "alice"}),
        json!({"sub": null}),
        json!({"sid": null}),
        json!({"exp": null}),
        json!({"exp": "never"}),
        json!({"exp": i64::MAX}),
    ] {
        let token = forged(|_| {}, claims.clone()).unwrap();
        assert_eq!(tokens(1).verify(&token, now()), Err(TokenRefused::Invalid), "{claims}");
    }
}

#[test]
fn a_token_of_another_type_is_refused() {
    let changes: [fn(&mut Header); 7] = [
        |header| header.typ = None,
        |header| header.typ = Some("JWT".to_owned()),
        |header| header.typ = Some("rt+jwt".to_owned()),
        |header| header.kid = None,
        |header| header.kid = Some("another".to_owned()),
        |header| header.alg = Algorithm::HS512,
        |header| header.crit = Some(vec!["exp".to_owned()]),
    ];
    for change in changes {
        let token = forged(change, json!({})).unwrap();
        assert_eq!(tokens(1).verify(&token, now()), Err(TokenRefused::Invalid), "{:?}", decode_header(&token).unwrap());
    }
}

#[test]
fn only_the_given_time_decides_whether_a_token_has_expired() {
    // Long past by the machine's clock, and long before it: neither matters.
    for end in [1_000, 100_000_000_000] {
        let token = forged(|_| {}, json!({"exp": end})).unwrap();
        let end = DateTime::from_timestamp(end, 0).unwrap();
        let moment = Duration::from_micros(1);
        assert_eq!(tokens(1).verify(&token, end - moment), Ok(Access { expires_at: end, ..access() }));
        assert_eq!(tokens(1).verify(&token, end), Err(TokenRefused::Expired), "no leeway");
        assert_eq!(tokens(1).verify(&token, end + moment), Err(TokenRefused::Expired));
    }
}

#[test]
fn a_rotated_secret_is_accepted_and_no_longer_signs() {
    let (old, new) = (tokens(1), tokens(2).accepting(&secret(1)));
    let (of_old, of_new) = (old.issue(&access()).unwrap(), new.issue(&access()).unwrap());
    assert_eq!(new.verify(&of_old, now()), Ok(access()));
    assert_eq!(new.verify(&of_new, now()), Ok(access()));
    assert_eq!(old.verify(&of_new, now()), Err(TokenRefused::Invalid));
    assert_eq!(tokens(2).verify(&of_old, now()), Err(TokenRefused::Invalid));
}
