//! An authenticator that holds one passkey, and the browser in front of it. Both do as they are told, also what no real one would.

use anyhow::Context as _;
use data_encoding::BASE64URL_NOPAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_cbor_2::Value as Cbor;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// That somebody was there.
const PRESENT: u8 = 0x01;
/// That the authenticator knows who.
const VERIFIED: u8 = 0x04;
/// That a credential is told of.
const ATTESTED: u8 = 0x40;

/// A passkey, and how it is used.
#[derive(Clone)]
pub struct SoftPasskey {
    key: SigningKey,
    /// What it is called.
    pub credential: Vec<u8>,
    /// Whose it says that it is: the user's id, as the server gave it.
    pub user: Vec<u8>,
    /// The domain that it is used for.
    pub domain: String,
    /// The page that it is used on.
    pub origin: String,
    /// Whether whoever uses it has shown that they may.
    pub verified: bool,
    /// How often it was used, as it counts itself.
    pub count: u32,
    /// Whether it counts. Those do not that are on many devices.
    pub counts: bool,
}

impl SoftPasskey {
    /// A new one, for this page of this domain.
    #[must_use]
    pub fn new(domain: &str, origin: &str) -> Self {
        // Any 32 bytes that are below the order of the group, which nearly all are.
        let key = std::iter::repeat_with(|| SigningKey::from_slice(&rand::random::<[u8; 32]>())).find_map(Result::ok);
        Self {
            key: key.expect("most are keys"),
            credential: rand::random::<[u8; 32]>().to_vec(),
            user: Vec::new(),
            domain: domain.to_owned(),
            origin: origin.to_owned(),
            verified: true,
            count: 0,
            counts: true,
        }
    }

    /// What is sent to the server to register it, asked this.
    ///
    /// # Errors
    /// It was asked nothing.
    pub fn registration(&mut self, asked: &Value) -> anyhow::Result<Value> {
        Ok(json!({ "ceremony": asked["ceremony"], "credential": self.create(&asked["options"])? }))
    }

    /// What is sent to the server to prove that it is there, asked this.
    ///
    /// # Errors
    /// It was asked nothing.
    pub fn assertion(&mut self, asked: &Value) -> anyhow::Result<Value> {
        Ok(json!({ "ceremony": asked["ceremony"], "credential": self.get(&asked["options"])? }))
    }

    /// What a browser sends to register it, asked with these options.
    ///
    /// # Errors
    /// The options are none.
    pub fn create(&mut self, options: &Value) -> anyhow::Result<Value> {
        let asked = &options["publicKey"];
        self.user = bytes(&asked["user"]["id"])?;
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = (point.x().context("a point")?.to_vec(), point.y().context("a point")?.to_vec());
        let key = [(1, Cbor::Integer(2)), (3, Cbor::Integer(-7)), (-1, Cbor::Integer(1)), (-2, Cbor::Bytes(x)), (-3, Cbor::Bytes(y))];
        let key = Cbor::Map(key.into_iter().map(|(name, value)| (Cbor::Integer(name), value)).collect());
        let length = u16::try_from(self.credential.len())?.to_be_bytes();
        let told = [&[0; 16][..], &length, &self.credential, &serde_cbor_2::to_vec(&key)?].concat();
        let object = [
            ("fmt", Cbor::Text("none".to_owned())),
            ("attStmt", Cbor::Map([].into())),
            ("authData", Cbor::Bytes([self.data(ATTESTED), told].concat())),
        ];
        let object = Cbor::Map(object.into_iter().map(|(name, value)| (Cbor::Text(name.to_owned()), value)).collect());
        let response = json!({
            "clientDataJSON": written(&self.client_data("webauthn.create", asked)?),
            "attestationObject": written(&serde_cbor_2::to_vec(&object)?),
        });
        Ok(self.credential(response))
    }

    /// What a browser sends to prove that it is there, asked with these options.
    ///
    /// # Errors
    /// The options are none.
    pub fn get(&mut self, options: &Value) -> anyhow::Result<Value> {
        self.count += u32::from(self.counts);
        let client = self.client_data("webauthn.get", &options["publicKey"])?;
        let data = self.data(0);
        let signature: Signature = self.key.sign(&[&data[..], &Sha256::digest(&client)].concat());
        let response = json!({
            "clientDataJSON": written(&client),
            "authenticatorData": written(&data),
            "signature": written(signature.to_der().as_bytes()),
            "userHandle": written(&self.user),
        });
        Ok(self.credential(response))
    }

    fn credential(&self, response: Value) -> Value {
        let id = written(&self.credential);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {} })
    }

    fn client_data(&self, kind: &str, asked: &Value) -> anyhow::Result<Vec<u8>> {
        let challenge = asked["challenge"].as_str().with_context(|| format!("no challenge in {asked}"))?;
        let data = json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false });
        Ok(serde_json::to_vec(&data)?)
    }

    fn data(&self, more: u8) -> Vec<u8> {
        let flags = PRESENT | more | if self.verified { VERIFIED } else { 0 };
        [&Sha256::digest(&self.domain)[..], &[flags], &self.count.to_be_bytes()].concat()
    }
}

fn written(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn bytes(value: &Value) -> anyhow::Result<Vec<u8>> {
    let text = value.as_str().with_context(|| format!("{value} is no text"))?;
    Ok(BASE64URL_NOPAD.decode(text.as_bytes())?)
}
