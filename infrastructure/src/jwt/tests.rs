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

fn key(byte: u8) -> TokenKey {
    TokenKey::from_random(&[byte; 32])
}

fn tokens(byte: u8) -> JwtTokens {
    JwtTokens::new(&key(byte), "https://chat.example", Arc::new(Stopped))
}

fn access() -> Access {
    let (user, session) = (UserId::new(Uuid::from_u128(1)), SessionId::new(Uuid::from_u128(2)));
    Access { user, session, expires_at: now() + ACCESS_LIFETIME }
}

/// A token of ours but for some changes to its header and claims, signed with the right key; `null` takes a claim away.
fn forged(change_header: impl FnOnce(&mut Header), claims: Value) -> Result<String> {
    encode(&changed(change_header), &claims_with(claims), &key(1).encoding())
}

fn changed(change: impl FnOnce(&mut Header)) -> Header {
    let mut header = Header { typ: Some(TYPE.to_owned()), kid: Some(key(1).trusted().id()), ..Header::new(ALGORITHM) };
    change(&mut header);
    header
}

fn claims_with(claims: Value) -> Value {
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
    all
}

#[test]
fn a_token_says_what_it_is_and_for_whom() {
    let token = tokens(1).issue(&access()).unwrap();
    let unchanged = forged(|_| {}, json!({})).unwrap();
    assert_eq!(tokens(1).verify(&unchanged, now()), Ok(access()), "what these tests change is good in itself");
    let header = decode_header(&token).unwrap();
    assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::EdDSA, Some("at+jwt")));
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
    let changes: [fn(&mut Header); 6] = [
        |header| header.typ = None,
        |header| header.typ = Some("JWT".to_owned()),
        |header| header.typ = Some("rt+jwt".to_owned()),
        |header| header.kid = None,
        |header| header.kid = Some("another".to_owned()),
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
fn a_token_signed_with_another_algorithm_is_refused_whatever_it_was_signed_with() {
    let pem = key(1).to_pem();
    let public = VerifyingKeyText::of(&key(1).trusted());
    // What everybody can know of the key, taken for a secret, in each form that a library may have kept it in.
    let secrets =
        [public.raw.as_slice(), public.pem.as_bytes(), public.pem.trim().as_bytes(), public.base64.as_bytes(), b"", pem.as_bytes()];
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        for secret in secrets {
            let header = changed(|header| header.alg = algorithm);
            let token = encode(&header, &claims_with(json!({})), &EncodingKey::from_secret(secret)).unwrap();
            assert_eq!(tokens(1).verify(&token, now()), Err(TokenRefused::Invalid), "{algorithm:?}");
        }
    }
}

#[test]
fn a_token_that_brings_its_own_key_is_refused() {
    let stranger = key(9);
    let changes: [fn(&mut Header); 3] = [
        |header| {
            // What is before the key itself are twelve bytes, so sixteen characters.
            let x = VerifyingKeyText::of(&key(9).trusted()).base64[16..].replace('+', "-").replace('/', "_");
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x.trim_end_matches('=')});
            header.jwk = Some(serde_json::from_value(jwk).unwrap());
        },
        |header| header.jku = Some("https://evil.example/keys".to_owned()),
        |header| header.kid = Some(key(9).trusted().id()),
    ];
    for change in changes {
        let token = encode(&changed(change), &claims_with(json!({})), &stranger.encoding()).unwrap();
        assert_eq!(tokens(1).verify(&token, now()), Err(TokenRefused::Invalid));
    }
}

#[test]
fn a_token_of_the_former_key_is_taken_during_the_overlap_and_refused_after_it() {
    let (before, during, after) = (tokens(1), tokens(2).accepting(key(1).trusted()), tokens(2));
    let (of_old, of_new) = (before.issue(&access()).unwrap(), during.issue(&access()).unwrap());
    assert_eq!(during.verify(&of_old, now()), Ok(access()));
    assert_eq!(during.verify(&of_new, now()), Ok(access()));
    assert_eq!(after.verify(&of_new, now()), Ok(access()), "the new one signs from the start");
    assert_eq!(after.verify(&of_old, now()), Err(TokenRefused::Invalid), "retired");
    assert_eq!(before.verify(&of_new, now()), Err(TokenRefused::Invalid), "not known yet");
    // A node that comes to the new key later takes its tokens by then: accept everywhere, then sign, then retire.
    assert_eq!(tokens(1).accepting(key(2).trusted()).verify(&of_new, now()), Ok(access()));
}

/// A public key in the forms that it is passed around in.
struct VerifyingKeyText {
    raw: [u8; 32],
    pem: String,
    base64: String,
}

impl VerifyingKeyText {
    fn of(key: &TrustedKey) -> Self {
        use ed25519_dalek::pkcs8::EncodePublicKey as _;
        let pem = key.0.to_public_key_pem(Default::default()).unwrap();
        let base64 = pem.lines().filter(|line| !line.starts_with('-')).collect();
        Self { raw: key.0.to_bytes(), pem, base64 }
    }
}

#[test]
fn a_key_is_read_as_pem_and_as_one_line() {
    let private = key(1).to_pem();
    let public = VerifyingKeyText::of(&key(1).trusted());
    let one_line: String = private.lines().filter(|line| !line.starts_with('-')).collect();
    for text in [&private, &one_line, &format!("\n{one_line}\n")] {
        assert_eq!(TokenKey::parse(text).unwrap().trusted(), key(1).trusted());
        assert_eq!(TrustedKey::parse(text).unwrap(), key(1).trusted());
    }
    for text in [&public.pem, &public.base64] {
        assert_eq!(TokenKey::parse(text).unwrap_err(), NoTokenKey::Private);
        assert_eq!(TrustedKey::parse(text).unwrap(), key(1).trusted());
    }
}

#[test]
fn what_is_no_key_is_refused_and_not_shown() {
    // The last one is a public key that anybody can sign for: the identity.
    for text in [
        "",
        "hunter2",
        "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----",
        "MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ] {
        assert_eq!(TokenKey::parse(text).unwrap_err(), NoTokenKey::Private, "{text}");
        assert_eq!(TrustedKey::parse(text).unwrap_err(), NoTokenKey::Any, "{text}");
    }
    assert_eq!(format!("{:?}", key(1)), "TokenKey(hidden)");
}
