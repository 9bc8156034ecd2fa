//! A clip in the making in the bucket: a multipart upload, of which its box puts the parts there
//! itself, by one signed link for each.
//!
//! Owns: what is asked of the bucket for it. Must not: know the ledger or answer a box;
//! [`crate::files::links`] does. What nobody finishes, the bucket's lifecycle rule takes away.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use object_store::{GetOptions, ObjectStore, ObjectStoreExt};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use wire::clip::ClipRecord;
use wire::topic::Device;

use super::Bucket;
use crate::desk::with_causes;
use crate::store::FileKey;

/// The least that S3 takes as a part that is not the last one: what is lost when a line breaks is
/// little.
pub(in crate::files) const PART_BYTES: u64 = 5 * 1024 * 1024;
/// S3 takes so many parts of one upload.
const PARTS_MAX: u64 = 10_000;
/// How long a link may be used: 5 MiB need 11 minutes on a line of 64 kbit/s.
const LINK_VALID: Duration = Duration::from_secs(15 * 60);
/// Of a link that the receiver itself uses at once.
const LIST_VALID: Duration = Duration::from_secs(60);
/// What one request reads of a clip that is verified.
const READ_BYTES: u64 = 8 * 1024 * 1024;

/// What the bucket does not do, or why it cannot be asked.
#[derive(Debug, thiserror::Error)]
pub(in crate::files) enum BucketError {
    #[error("{}", with_causes(.0))]
    Store(#[from] object_store::Error),
    #[error("the bucket cannot be asked for the parts: {}", with_causes(.0))]
    Unreachable(reqwest::Error),
    #[error("the bucket does not list the parts: {0}")]
    Refused(reqwest::StatusCode),
    #[error("the bucket's list of parts cannot be read: {0}")]
    Unreadable(#[from] quick_xml::DeError),
}

/// Without the address: its signature is a secret while it is valid.
impl From<reqwest::Error> for BucketError {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(error.without_url())
    }
}

/// How far an upload has come.
#[derive(Debug)]
pub(in crate::files) enum Progress {
    /// These byte ranges are not there, in ascending order; at least one. Each is a part.
    Missing(Vec<(u64, u64)>),
    /// All parts are there.
    Whole(Vec<PartId>),
    /// The bucket knows no such upload: it was completed, or taken away.
    Ended,
}

/// The clip under its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::files) enum Object {
    /// With the size and SHA-256 of its record.
    Right,
    Wrong,
    Absent,
}

/// Answer to `ListParts`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    is_truncated: bool,
    next_part_number_marker: Option<String>,
    #[serde(default)]
    part: Vec<Listed>,
}

/// One part as the bucket lists it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    part_number: u64,
    #[serde(rename = "ETag")]
    e_tag: String,
    size: u64,
}

/// Whether a file of this size fits into the parts of one upload.
pub(in crate::files) const fn fits(bytes: u64) -> bool {
    bytes <= PART_BYTES * PARTS_MAX
}

/// The byte ranges of a file's parts.
pub(in crate::files) fn ranges(bytes: u64) -> Vec<(u64, u64)> {
    parts_of(bytes).map(|(_, range)| (range.start, range.end)).collect()
}

/// Numbers and byte ranges of a file's parts; the last one is shorter.
fn parts_of(bytes: u64) -> impl Iterator<Item = (u64, Range<u64>)> {
    let start = |number| (number - 1) * PART_BYTES;
    (1..=bytes.div_ceil(PART_BYTES))
        .map(move |number| (number, start(number)..bytes.min(start(number + 1))))
}

impl Bucket {
    /// Begins an upload; returns its id.
    ///
    /// # Errors
    /// The bucket's reason.
    pub(in crate::files) fn begin(&self, (device, id): &FileKey) -> Result<String, BucketError> {
        let clip = self.path(device, (*id, "mp4"));
        Ok(self.runtime.block_on(self.store.create_multipart(&clip))?)
    }

    /// Gives an upload up, with its parts. One that is gone already is no error.
    ///
    /// # Errors
    /// The bucket's reason.
    pub(in crate::files) fn give_up(
        &self,
        (device, id): &FileKey,
        upload: &str,
    ) -> Result<(), BucketError> {
        let clip = self.path(device, (*id, "mp4"));
        match self.runtime.block_on(self.store.abort_multipart(&clip, &upload.to_owned())) {
            Err(error) if !is_absent(&error) => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// What is there of a file of so many bytes. A part of another size than its range counts as
    /// missing.
    ///
    /// # Errors
    /// The bucket's reason.
    pub(in crate::files) fn progress(
        &self,
        (device, id): &FileKey,
        (upload, bytes): (&str, u64),
    ) -> Result<Progress, BucketError> {
        let clip = self.path(device, (*id, "mp4"));
        let Some(there) = self.runtime.block_on(self.list(&clip, upload))? else {
            return Ok(Progress::Ended);
        };
        let (mut whole, mut missing) = (Vec::new(), Vec::new());
        for (number, range) in parts_of(bytes) {
            match there.get(&number) {
                Some(part) if part.size == range.end - range.start => {
                    whole.push(PartId { content_id: part.e_tag.clone() });
                }
                Some(_) | None => missing.push((range.start, range.end)),
            }
        }
        Ok(if missing.is_empty() { Progress::Whole(whole) } else { Progress::Missing(missing) })
    }

    /// An address that takes the part which begins at this byte, and nothing else.
    ///
    /// # Errors
    /// There are no credentials to sign it with.
    pub(in crate::files) fn link(
        &self,
        (device, id): &FileKey,
        (upload, start): (&str, u64),
    ) -> Result<String, BucketError> {
        let clip = self.path(device, (*id, "mp4"));
        let number = (start / PART_BYTES + 1).to_string();
        let query = [("partNumber", number.as_str()), ("uploadId", upload)];
        let url = self.sign(&clip, (Method::PUT, LINK_VALID), &query);
        Ok(self.runtime.block_on(url)?.into())
    }

    /// Puts the sidecar, makes the parts one object, and verifies it: whoever sees the clip finds
    /// the sidecar, and only [`Object::Right`] may be told.
    ///
    /// # Errors
    /// The bucket's reason. The object may be there all the same.
    pub(in crate::files) fn complete(
        &self,
        device: &Device,
        (record, upload, parts): (&ClipRecord, String, Vec<PartId>),
    ) -> Result<Object, BucketError> {
        let clip = self.path(device, (record.id, "mp4"));
        self.runtime.block_on(async {
            self.put_sidecar(device, record).await?;
            self.store.complete_multipart(&clip, &upload, parts).await?;
            self.read_back(&clip, record).await
        })
    }

    /// Reads the clip under its key, if there is one.
    ///
    /// # Errors
    /// The bucket's reason.
    pub(in crate::files) fn verify(
        &self,
        device: &Device,
        record: &ClipRecord,
    ) -> Result<Object, BucketError> {
        let clip = self.path(device, (record.id, "mp4"));
        self.runtime.block_on(self.read_back(&clip, record))
    }

    /// Takes a clip and its sidecar away.
    ///
    /// # Errors
    /// The bucket's reason.
    pub(in crate::files) fn remove(&self, (device, id): &FileKey) -> Result<(), BucketError> {
        self.runtime.block_on(async {
            for ending in ["mp4", "json"] {
                match self.store.delete(&self.path(device, (*id, ending))).await {
                    Err(error) if !is_absent(&error) => return Err(error.into()),
                    Ok(()) | Err(_) => {}
                }
            }
            Ok(())
        })
    }

    /// The parts of an upload by their numbers; `None` if there is no such upload.
    async fn list(
        &self,
        clip: &Path,
        upload: &str,
    ) -> Result<Option<BTreeMap<u64, Listed>>, BucketError> {
        let mut parts = BTreeMap::new();
        let mut after = 0;
        loop {
            let marker = after.to_string();
            let query = [("uploadId", upload), ("part-number-marker", marker.as_str())];
            let url = self.sign(clip, (Method::GET, LIST_VALID), &query).await?;
            let answer = self.http.get(url).send().await?;
            if answer.status() == reqwest::StatusCode::NOT_FOUND {
                return Ok(None);
            }
            if !answer.status().is_success() {
                return Err(BucketError::Refused(answer.status()));
            }
            let page: Page = quick_xml::de::from_reader(&answer.bytes().await?[..])?;
            parts.extend(page.part.into_iter().map(|part| (part.part_number, part)));
            let next = page.next_part_number_marker.and_then(|next| next.parse().ok());
            match next.filter(|next| page.is_truncated && *next > after) {
                Some(next) => after = next,
                None => return Ok(Some(parts)),
            }
        }
    }

    async fn sign(
        &self,
        clip: &Path,
        (method, valid): (Method, Duration),
        query: &[(&str, &str)],
    ) -> Result<reqwest::Url, object_store::Error> {
        let options = SignedUrlOptions::new().with_query(query.iter().copied());
        self.store.signed_url_opts(method, clip, valid, &options).await
    }

    /// A piece at a time: no request lasts long, and no clip lies in memory.
    async fn read_back(&self, clip: &Path, record: &ClipRecord) -> Result<Object, BucketError> {
        let mut digest = Sha256::new();
        let mut at = 0;
        while at < record.bytes {
            let end = record.bytes.min(at + READ_BYTES);
            let options = GetOptions::new().with_range(Some(at..end));
            let piece = match self.store.get_opts(clip, options).await {
                Err(error) if is_absent(&error) => return Ok(Object::Absent),
                piece => piece?,
            };
            if piece.meta.size != record.bytes {
                return Ok(Object::Wrong);
            }
            digest.update(piece.bytes().await?);
            at = end;
        }
        let same = format!("{:x}", digest.finalize()) == record.sha256.as_str();
        Ok(if same { Object::Right } else { Object::Wrong })
    }
}

fn is_absent(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_in_one_part_and_only_the_last_one_is_shorter() {
        let parts = |bytes| parts_of(bytes).collect::<Vec<_>>();
        assert_eq!(parts(1), [(1, 0..1)]);
        assert_eq!(parts(PART_BYTES), [(1, 0..PART_BYTES)]);
        let two = [(1, 0..PART_BYTES), (2, PART_BYTES..PART_BYTES + 1)];
        assert_eq!(parts(PART_BYTES + 1), two);
        assert_eq!(parts_of(PART_BYTES * PARTS_MAX).count() as u64, PARTS_MAX);
        assert!(fits(PART_BYTES * PARTS_MAX) && !fits(PART_BYTES * PARTS_MAX + 1));
    }

    /// As Amazon's documentation of `ListParts` has it.
    #[test]
    fn list_of_parts_is_read_as_amazon_writes_it() {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Bucket>example-bucket</Bucket>
  <Key>example-object</Key>
  <UploadId>XXBsb2FkIElEIGZvciBlbHZpbmcncyVcdS1tb3ZpZS5tMnRzEEEwbG9hZA</UploadId>
  <Initiator><ID>arn:aws:iam::111122223333:user/some-user</ID></Initiator>
  <StorageClass>STANDARD</StorageClass>
  <PartNumberMarker>1</PartNumberMarker>
  <NextPartNumberMarker>3</NextPartNumberMarker>
  <MaxParts>2</MaxParts>
  <IsTruncated>true</IsTruncated>
  <Part>
    <PartNumber>2</PartNumber>
    <LastModified>2010-11-10T20:48:34.000Z</LastModified>
    <ETag>"7778aef83f66abc1fa1e8477f296d394"</ETag>
    <Size>10485760</Size>
  </Part>
  <Part>
    <PartNumber>3</PartNumber>
    <LastModified>2010-11-10T20:48:33.000Z</LastModified>
    <ETag>&quot;aaaa18db4cc2f85cedef654fccc4a4x8&quot;</ETag>
    <Size>10485760</Size>
  </Part>
</ListPartsResult>"#;
        let page: Page = quick_xml::de::from_str(xml).expect("it is read");
        assert_eq!((page.is_truncated, page.next_part_number_marker.as_deref()), (true, Some("3")));
        let parts: Vec<_> = page.part.iter().map(|part| (part.part_number, part.size)).collect();
        assert_eq!(parts, [(2, 10_485_760), (3, 10_485_760)]);
        assert_eq!(page.part[1].e_tag, "\"aaaa18db4cc2f85cedef654fccc4a4x8\"");
    }
}
