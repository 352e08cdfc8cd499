//! One bucket in memory that behaves like S3: it has no folders, a write replaces the whole object,
//! and conditions hold also for concurrent requests.

use super::BUCKET;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition, GetObjectInput, GetObjectOutput,
    HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output, Metadata, Object,
    PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The smallest size of a part of an upload in bytes. Only the last part may be smaller.
const SMALLEST_PART: usize = 5 * 1024 * 1024;

/// A bucket in memory, and the ways in which its server differs from S3. Clones share the objects.
#[derive(Clone, Debug)]
#[must_use]
pub struct Bucket {
    state: Arc<Mutex<BucketState>>,
    heeds_if_none_match: bool,
    keeps_metadata: bool,
    smallest_part: usize,
}

#[derive(Debug, Default)]
struct BucketState {
    objects: BTreeMap<String, BucketObject>,
    uploads: HashMap<String, BucketUpload>,
    writes: u64,
}

#[derive(Clone, Debug)]
struct BucketObject {
    bytes: Bytes,
    tag: String,
    modified: SystemTime,
    metadata: Option<Metadata>,
}

#[derive(Debug)]
struct BucketUpload {
    key: String,
    metadata: Option<Metadata>,
    parts: BTreeMap<i32, (Bytes, String)>,
}

impl Default for Bucket {
    fn default() -> Self {
        let state = Arc::default();
        Self { state, heeds_if_none_match: true, keeps_metadata: true, smallest_part: SMALLEST_PART }
    }
}

impl Bucket {
    /// Makes the server ignore `If-None-Match`, as some servers do.
    pub fn ignoring_if_none_match(self) -> Self {
        Self { heeds_if_none_match: false, ..self }
    }

    /// Makes the server drop the metadata of objects.
    pub fn forgetting_metadata(self) -> Self {
        Self { keeps_metadata: false, ..self }
    }

    /// Makes the server accept parts of any size, unlike S3.
    pub fn taking_small_parts(self) -> Self {
        Self { smallest_part: 0, ..self }
    }

    /// Returns the keys of all objects, sorted by their bytes.
    pub fn keys(&self) -> Vec<String> {
        self.lock().objects.keys().cloned().collect()
    }

    /// Returns the number of uploads in parts that were neither completed nor aborted.
    pub fn unfinished_uploads(&self) -> usize {
        self.lock().uploads.len()
    }

    /// Writes an object, as another client would.
    pub fn insert(&self, key: &str, bytes: impl Into<Bytes>) {
        self.lock().keep(key.to_owned(), bytes.into(), None);
    }

    /// Returns a separate bucket with the same objects, without unfinished uploads.
    pub fn deep_copy(&self) -> Self {
        let state = self.lock();
        let copy =
            BucketState { objects: state.objects.clone(), uploads: HashMap::new(), writes: state.writes };
        Self { state: Arc::new(Mutex::new(copy)), ..self.clone() }
    }

    /// Removes every unfinished upload, as a lifecycle rule of S3 does.
    pub fn abort_uploads(&self) {
        self.lock().uploads.clear();
    }

    fn lock(&self) -> MutexGuard<'_, BucketState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an error if the condition of a write does not hold.
    fn admit(&self, state: &BucketState, key: &str, if_none_match: Option<&ETagCondition>) -> S3Result<()> {
        let only_new = self.heeds_if_none_match && if_none_match.is_some_and(ETagCondition::is_any);
        if only_new && state.objects.contains_key(key) {
            return Err(s3_error!(PreconditionFailed, "an object is at the key"));
        }
        Ok(())
    }

    fn find(&self, bucket: &str, key: &str) -> S3Result<BucketObject> {
        check(bucket)?;
        self.lock().objects.get(key).cloned().ok_or_else(|| s3_error!(NoSuchKey, "no object is at the key"))
    }
}

impl BucketState {
    fn keep(&mut self, key: String, bytes: Bytes, metadata: Option<Metadata>) -> ETag {
        self.writes += 1;
        let tag = format!("{:032x}", self.writes);
        let kept = BucketObject { bytes, tag: tag.clone(), modified: SystemTime::now(), metadata };
        self.objects.insert(key, kept);
        ETag::Strong(tag)
    }
}

fn check(bucket: &str) -> S3Result<()> {
    if bucket == BUCKET { Ok(()) } else { Err(s3_error!(NoSuchBucket, "no such bucket")) }
}

async fn whole(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let mut bytes = BytesMut::new();
    let Some(mut body) = body else { return Ok(Bytes::new()) };
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.map_err(|_| s3_error!(IncompleteBody, "the body broke off"))?);
    }
    Ok(bytes.freeze())
}

fn length(bytes: &Bytes) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

#[async_trait::async_trait]
impl S3 for Bucket {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        check(&input.bucket)?;
        let bytes = whole(input.body).await?;
        let mut state = self.lock();
        self.admit(&state, &input.key, input.if_none_match.as_ref())?;
        let metadata = input.metadata.filter(|_| self.keeps_metadata);
        let tag = state.keep(input.key, bytes, metadata);
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(tag), ..Default::default() }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let kept = self.find(&input.bucket, &input.key)?;
        let tag = ETag::Strong(kept.tag);
        if let Some(ETagCondition::ETag(expected)) = &input.if_match
            && !expected.strong_cmp(&tag)
        {
            return Err(s3_error!(PreconditionFailed, "the object has another ETag"));
        }
        let size = kept.bytes.len();
        let (bytes, content_range) = match input.range {
            None => (kept.bytes, None),
            Some(range) => {
                let range = range.check(u64::try_from(size).unwrap_or(u64::MAX))?;
                let said = format!("bytes {}-{}/{size}", range.start, range.end - 1);
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(size);
                (kept.bytes.slice(place(range.start)..place(range.end)), Some(said))
            }
        };
        let length = length(&bytes);
        let pieces: Vec<_> = bytes.chunks(64 * 1024).map(|piece| bytes.slice_ref(piece)).map(Ok).collect();
        let body = StreamingBlob::wrap(stream::iter::<Vec<io::Result<Bytes>>>(pieces));
        Ok(S3Response::new(GetObjectOutput {
            body: Some(body),
            content_length: Some(length),
            content_range,
            e_tag: Some(tag),
            last_modified: Some(Timestamp::from(kept.modified)),
            metadata: kept.metadata,
            ..Default::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let kept = self.find(&request.input.bucket, &request.input.key)?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(length(&kept.bytes)),
            e_tag: Some(ETag::Strong(kept.tag)),
            last_modified: Some(Timestamp::from(kept.modified)),
            metadata: kept.metadata,
            ..Default::default()
        }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        check(&request.input.bucket)?;
        self.lock().objects.remove(&request.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        check(&input.bucket)?;
        let prefix = input.prefix.unwrap_or_default();
        let after = input.continuation_token.or(input.start_after).filter(|after| *after >= prefix);
        let first = match &after {
            Some(after) => Bound::Excluded(after.as_str()),
            None => Bound::Included(prefix.as_str()),
        };
        let most = usize::try_from(input.max_keys.unwrap_or(1000)).unwrap_or(0).min(1000);
        let state = self.lock();
        let mut found = state
            .objects
            .range::<str, _>((first, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&prefix));
        let page: Vec<_> = found
            .by_ref()
            .take(most)
            .map(|(key, kept)| Object {
                key: Some(key.clone()),
                size: Some(length(&kept.bytes)),
                e_tag: Some(ETag::Strong(kept.tag.clone())),
                last_modified: Some(Timestamp::from(kept.modified)),
                ..Default::default()
            })
            .collect();
        let more = found.next().is_some();
        let next = page.last().filter(|_| more).and_then(|object| object.key.clone());
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            key_count: i32::try_from(page.len()).ok(),
            is_truncated: Some(more),
            next_continuation_token: next,
            contents: Some(page),
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        check(&input.bucket)?;
        let mut state = self.lock();
        state.writes += 1;
        let id = format!("upload-{}", state.writes);
        let metadata = input.metadata.filter(|_| self.keeps_metadata);
        let upload = BucketUpload { key: input.key.clone(), metadata, parts: BTreeMap::new() };
        state.uploads.insert(id.clone(), upload);
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..Default::default()
        }))
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let bytes = whole(input.body).await?;
        let mut state = self.lock();
        state.writes += 1;
        let tag = format!("{:032x}", state.writes);
        let upload = state.uploads.get_mut(&input.upload_id).filter(|upload| upload.key == input.key);
        let Some(upload) = upload else { return Err(s3_error!(NoSuchUpload, "no such upload")) };
        upload.parts.insert(input.part_number, (bytes, tag.clone()));
        Ok(S3Response::new(UploadPartOutput { e_tag: Some(ETag::Strong(tag)), ..Default::default() }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let mut state = self.lock();
        let Some(upload) = state.uploads.get(&input.upload_id).filter(|upload| upload.key == input.key)
        else {
            return Err(s3_error!(NoSuchUpload, "no such upload"));
        };
        let named = input.multipart_upload.and_then(|named| named.parts).unwrap_or_default();
        let mut bytes = BytesMut::new();
        for (at, part) in named.iter().enumerate() {
            let kept = part.part_number.and_then(|number| upload.parts.get(&number));
            let Some((part_bytes, tag)) = kept else { return Err(s3_error!(InvalidPart, "no such part")) };
            if part.e_tag.as_ref().map(ETag::value) != Some(tag.as_str()) {
                return Err(s3_error!(InvalidPart, "the part has another ETag"));
            }
            if at + 1 < named.len() && part_bytes.len() < self.smallest_part {
                return Err(s3_error!(EntityTooSmall, "a part is too small"));
            }
            bytes.extend_from_slice(part_bytes);
        }
        if named.is_empty() {
            return Err(s3_error!(InvalidPart, "no part was named"));
        }
        self.admit(&state, &input.key, input.if_none_match.as_ref())?;
        let metadata = upload.metadata.clone();
        state.uploads.remove(&input.upload_id);
        let tag = state.keep(input.key.clone(), bytes.freeze(), metadata);
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(tag),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let Some(_) = self.lock().uploads.remove(&request.input.upload_id) else {
            return Err(s3_error!(NoSuchUpload, "no such upload"));
        };
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
