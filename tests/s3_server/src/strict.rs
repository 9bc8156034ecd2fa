//! s3s-fs, but for uploads in parts: it lists parts of uploads that there are not, without their
//! ETags and in any order, and completes with whatever ETags it is told.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    DeleteObjectInput, DeleteObjectOutput, ETag, GetObjectInput, GetObjectOutput, ListPartsInput,
    ListPartsOutput, Part, PutObjectInput, PutObjectOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::sync::Barrier;

/// Parts in one answer to `ListParts`: so few that the tests' clips have more.
const PAGE: usize = 2;

pub(super) struct Strict {
    files: FileSystem,
    folder: PathBuf,
    /// Where those who read an object wait for each other.
    readers: Arc<Barrier>,
}

impl Strict {
    pub(super) fn new(files: FileSystem, folder: &Path, readers: usize) -> Self {
        Self { files, folder: folder.to_owned(), readers: Arc::new(Barrier::new(readers)) }
    }

    /// An upload's parts by their numbers, as s3s-fs has them on the disk.
    fn parts(&self, upload: &str) -> S3Result<BTreeMap<i32, Part>> {
        if !self.folder.join(format!(".upload-{upload}.json")).exists() {
            return Err(s3_error!(NoSuchUpload));
        }
        let prefix = format!(".upload_id-{upload}.part-");
        let mut parts = BTreeMap::new();
        for entry in fs::read_dir(&self.folder).expect("the folder") {
            let path = entry.expect("a file").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(number) = name.strip_prefix(&prefix) else { continue };
            let number: i32 = number.parse().expect("a number");
            let content = fs::read(&path).expect("a part");
            let part = Part {
                part_number: Some(number),
                size: Some(content.len() as i64),
                e_tag: Some(ETag::Strong(tag(&content))),
                ..Part::default()
            };
            parts.insert(number, part);
        }
        Ok(parts)
    }
}

/// Of a part's content; whoever completes an upload only repeats what the list said.
fn tag(content: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    format!("{:x}", Sha256::digest(content))
}

#[async_trait]
impl S3 for Strict {
    async fn list_parts(
        &self,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let ListPartsInput { bucket, key, upload_id, part_number_marker, .. } = request.input;
        let after = part_number_marker.unwrap_or_default();
        let mut rest = self.parts(&upload_id)?.split_off(&(after + 1));
        let cut = rest.keys().nth(PAGE).copied();
        let later = cut.map(|cut| rest.split_off(&cut));
        let output = ListPartsOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: Some(upload_id),
            is_truncated: Some(later.is_some()),
            next_part_number_marker: rest.keys().next_back().copied(),
            parts: Some(rest.into_values().collect()),
            ..ListPartsOutput::default()
        };
        Ok(S3Response::new(output))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let there = self.parts(&request.input.upload_id)?;
        let told = request.input.multipart_upload.as_ref().and_then(|told| told.parts.as_ref());
        for part in told.into_iter().flatten() {
            let known = part.part_number.and_then(|number| there.get(&number));
            if known.is_none_or(|known| known.e_tag != part.e_tag) {
                return Err(s3_error!(InvalidPart));
            }
        }
        self.files.complete_multipart_upload(request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.parts(&request.input.upload_id)?;
        self.files.abort_multipart_upload(request).await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.files.create_multipart_upload(request).await
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let (upload, number) = (request.input.upload_id.clone(), request.input.part_number);
        self.parts(&upload)?;
        let mut response = self.files.upload_part(request).await?;
        response.output.e_tag = self.parts(&upload)?.remove(&number).and_then(|part| part.e_tag);
        Ok(response)
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        self.files.put_object(request).await
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        self.readers.wait().await;
        self.files.get_object(request).await
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.files.delete_object(request).await
    }
}
