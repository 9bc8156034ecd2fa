//! Clips in an S3 bucket: `{prefix}/{tenant}/{device}/{id}.mp4` with `{id}.json` beside it.
//!
//! Owns: putting a verified file there; a file that its box puts there: [`upload`]. Must not: verify or forget; the desk does, and calls again
//! after an error or a crash: the same object with the same content is put in its own place.

pub(super) mod upload;

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ClientOptions, MultipartUpload, ObjectStoreExt, RetryConfig};
use tokio::runtime::Handle;
use wire::clip::ClipRecord;
use wire::ids::ClipId;
use wire::topic::Device;

use crate::store::FileKey;

/// Files up to this size are put by one request.
pub(super) const SINGLE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Of larger ones, so much by one; S3 wants at least 5 MiB.
const PART_BYTES: u64 = 8 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// One request must be done within this.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The desk answers nobody meanwhile, so it is short; the box asks again.
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);
const RETRIES_MAX: usize = 2;

/// Where clips go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketName {
    /// The bucket.
    pub bucket: String,
    /// Before every key, without slashes at its ends; may be empty.
    pub prefix: String,
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

impl BucketName {
    /// Reads `s3://BUCKET[/PREFIX]`; `None` for anything else.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (bucket, prefix) = match text.strip_prefix("s3://")?.split_once('/') {
            Some((bucket, prefix)) => (bucket, prefix.trim_matches('/')),
            None => (text.strip_prefix("s3://")?, ""),
        };
        let name = Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
        (!bucket.is_empty()).then_some(name)
    }
}

/// Whether the endpoint may be one without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    Tls,
    Plain,
}

/// A bucket, for a thread that may block.
pub(crate) struct Bucket {
    name: BucketName,
    store: AmazonS3,
    /// For what `store` does not ask.
    http: reqwest::Client,
    runtime: Handle,
}

impl Bucket {
    /// Endpoint, region and credentials come from the environment, as for Amazon's own tools:
    /// `AWS_ENDPOINT`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, or what the
    /// machine's role gives. Asks nobody yet.
    ///
    /// # Errors
    /// What of it is missing or wrong.
    pub(crate) fn open(name: &BucketName, runtime: Handle) -> Result<Self, object_store::Error> {
        let plain = std::env::var("AWS_ALLOW_HTTP").is_ok_and(|told| told == "true");
        let security = if plain { Security::Plain } else { Security::Tls };
        Self::build((AmazonS3Builder::from_env(), security), (name, runtime))
    }

    /// The same, with what the environment would say.
    ///
    /// # Errors
    /// As above.
    pub(super) fn build(
        (builder, security): (AmazonS3Builder, Security),
        (name, runtime): (&BucketName, Handle),
    ) -> Result<Self, object_store::Error> {
        // Whoever was first is the same one.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = ClientOptions::new()
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_timeout(REQUEST_TIMEOUT)
            .with_allow_http(security == Security::Plain);
        let retry = RetryConfig {
            max_retries: RETRIES_MAX,
            retry_timeout: RETRY_TIMEOUT,
            ..RetryConfig::default()
        };
        let store = builder
            .with_bucket_name(&name.bucket)
            .with_client_options(client)
            .with_retry(retry)
            // Not every server that speaks S3's language takes several at once.
            .with_disable_bulk_delete(true)
            .build()?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .https_only(security == Security::Tls)
            .build()
            .map_err(|error| object_store::Error::Generic { store: "S3", source: error.into() })?;
        Ok(Self { name: name.clone(), store, http, runtime })
    }

    /// Puts the sidecar and then the clip, both whole; returns the clip's address.
    ///
    /// # Errors
    /// The server's or the disk's reason; nothing is half there.
    pub(crate) fn put(
        &self,
        device: &Device,
        (record, file): (&ClipRecord, &Arc<File>),
    ) -> io::Result<String> {
        let clip = self.path(device, (record.id, "mp4"));
        self.runtime.block_on(async {
            self.put_sidecar(device, record).await?;
            if record.bytes <= SINGLE_BYTES_MAX {
                let content = read(file, (0, record.bytes)).await?;
                self.store.put(&clip, content.into()).await?;
            } else {
                self.put_parts(&clip, (record.bytes, file)).await?;
            }
            Ok(self.address(&(device.clone(), record.id)))
        })
    }

    /// A clip's address, for people.
    pub(super) fn address(&self, (device, id): &FileKey) -> String {
        format!("s3://{}/{}", self.name.bucket, self.path(device, (*id, "mp4")))
    }

    fn path(&self, device: &Device, (id, ending): (ClipId, &str)) -> Path {
        let name = format!("{id}.{ending}");
        let levels = [&self.name.prefix, device.tenant.as_str(), device.device.as_str(), &name];
        Path::from(levels.join("/"))
    }

    async fn put_sidecar(
        &self,
        device: &Device,
        record: &ClipRecord,
    ) -> Result<(), object_store::Error> {
        let mut sidecar = serde_json::to_vec_pretty(record)
            .expect("wire types have text keys, so JSON can hold them");
        sidecar.push(b'\n');
        self.store.put(&self.path(device, (record.id, "json")), sidecar.into()).await?;
        Ok(())
    }

    async fn put_parts(&self, key: &Path, (bytes, file): (u64, &Arc<File>)) -> io::Result<()> {
        let mut upload = self.store.put_multipart(key).await?;
        let sent = async {
            let mut at = 0;
            while at < bytes {
                let part = read(file, (at, PART_BYTES.min(bytes - at))).await?;
                at += part.len() as u64;
                upload.put_part(part.into()).await?;
            }
            upload.complete().await?;
            Ok(())
        };
        let sent: io::Result<()> = sent.await;
        if sent.is_err() {
            // What is left of it after a crash, the bucket's lifecycle rule takes away.
            let _gone = upload.abort().await;
        }
        sent
    }
}

async fn read(file: &Arc<File>, (offset, bytes): (u64, u64)) -> io::Result<Bytes> {
    let file = Arc::clone(file);
    let read = move || {
        let mut content = vec![0; bytes as usize];
        file.read_exact_at(&mut content, offset)?;
        Ok(Bytes::from(content))
    };
    tokio::task::spawn_blocking(read).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_and_prefix_are_taken_apart() {
        let read = |text| BucketName::read(text).map(|name| (name.bucket, name.prefix));
        let of = |bucket: &str, prefix: &str| Some((bucket.to_owned(), prefix.to_owned()));
        assert_eq!(read("s3://clips"), of("clips", ""));
        assert_eq!(read("s3://clips/"), of("clips", ""));
        assert_eq!(read("s3://clips/a/b/"), of("clips", "a/b"));
        assert_eq!(read("s3:///a"), None);
        assert_eq!(read("clips/"), None);
    }
}
