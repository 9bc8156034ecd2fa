//! Who may have made a pack: the public keys that this box trusts, and the signature beside a
//! manifest.
//!
//! The format is minisign's (ed25519 over the file's BLAKE2b-512), so that the ordinary `minisign`
//! tool signs and verifies packs too. A manifest names the digest of every other file, so one
//! signature covers the whole pack. Pure: text in, verdict out; which key files there are is the
//! caller's business. Why so: `docs/decisions/0007-signed-packs.md`.

use minisign_verify::{Error, PublicKey, Signature};
use thiserror::Error;

/// Public keys with the names of their files.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    keys: Vec<(String, PublicKey)>,
}

/// A file that is no public key.
#[derive(Debug, Error)]
#[error(
    "{file} is no minisign public key: {reason}; put a file there that `minisign -G` wrote as \
     its public key, or remove it"
)]
pub struct KeyError {
    /// Which file.
    file: String,
    /// What is wrong with it.
    reason: Error,
}

/// Why a signature does not vouch for a manifest.
#[derive(Debug, Error)]
pub enum SignatureError {
    /// Not a signature at all.
    #[error("the signature is damaged: {reason}; sign the pack again or copy it again")]
    Format {
        /// What is wrong with it.
        reason: Error,
    },
    /// Signed by somebody else.
    #[error(
        "it is signed with a key that this box does not trust; trusted are {trusted}; install a \
         pack of theirs, or put the signer's public key into /etc/courtside/keys"
    )]
    Stranger {
        /// Names of the trusted keys.
        trusted: String,
    },
    /// Signed by a trusted key, but not this text.
    #[error(
        "the signature of key {key} is not over this manifest: one of the two was changed or \
         damaged ({reason}); copy the pack again or sign it again"
    )]
    Changed {
        /// Name of the key.
        key: String,
        /// What the verification said.
        reason: Error,
    },
}

impl Trust {
    /// Trusts one more key.
    ///
    /// - `file`: what the key is called in messages.
    /// - `text`: what `minisign -G` wrote as its public key.
    ///
    /// # Errors
    /// [`KeyError`] if it is no public key.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), KeyError> {
        let key =
            PublicKey::decode(text).map_err(|reason| KeyError { file: file.to_owned(), reason })?;
        self.keys.push((file.to_owned(), key));
        Ok(())
    }

    /// Whether a trusted key signed exactly these bytes; returns the key's name.
    ///
    /// # Errors
    /// [`SignatureError`]; never panics, whatever the bytes are.
    pub fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<&str, SignatureError> {
        let text = String::from_utf8_lossy(signature);
        let signature =
            Signature::decode(&text).map_err(|reason| SignatureError::Format { reason })?;
        let mut refused = None;
        for (name, key) in &self.keys {
            // Not the old form without a digest: it lets a signature be moved to another message.
            match key.verify(signed, &signature, false) {
                Ok(()) => return Ok(name),
                // Key numbers are no secret, so two keys may have one number: try the others.
                Err(Error::UnexpectedKeyId) => {}
                Err(reason) => {
                    refused = Some(SignatureError::Changed { key: name.clone(), reason })
                }
            }
        }
        Err(refused.unwrap_or_else(|| SignatureError::Stranger { trusted: self.names() }))
    }

    fn names(&self) -> String {
        if self.keys.is_empty() {
            return "no keys at all".to_owned();
        }
        self.keys.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}
