//! The S3 operations there are; every other one answers NotImplemented (docs/operating/gateway.md).
//!
//! This file joins; buckets.rs, objects.rs, listing.rs, upload.rs, lock.rs and words.rs are named
//! after what they do.
#![expect(clippy::unused_async, reason = "the operations share one shape")]

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CreateBucketInput,
    CreateBucketOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteBucketInput,
    DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput, DeleteBucketOutput,
    DeleteBucketTaggingInput, DeleteBucketTaggingOutput, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, DeleteObjectsInput, DeleteObjectsOutput,
    GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput,
    GetBucketLocationInput, GetBucketLocationOutput, GetBucketTaggingInput, GetBucketTaggingOutput,
    GetBucketVersioningInput, GetBucketVersioningOutput, GetObjectInput, GetObjectLegalHoldInput,
    GetObjectLegalHoldOutput, GetObjectLockConfigurationInput, GetObjectLockConfigurationOutput,
    GetObjectOutput, GetObjectRetentionInput, GetObjectRetentionOutput, GetObjectTaggingInput,
    GetObjectTaggingOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput,
    ListBucketsInput, ListBucketsOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput,
    PutBucketLifecycleConfigurationInput, PutBucketLifecycleConfigurationOutput,
    PutBucketTaggingInput, PutBucketTaggingOutput, PutBucketVersioningInput,
    PutBucketVersioningOutput, PutObjectInput, PutObjectLegalHoldInput, PutObjectLegalHoldOutput,
    PutObjectLockConfigurationInput, PutObjectLockConfigurationOutput, PutObjectOutput,
    PutObjectRetentionInput, PutObjectRetentionOutput, PutObjectTaggingInput,
    PutObjectTaggingOutput, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result};
use serde_json::{Value, json};

use crate::entries::fault;
use crate::gateway::Gateway;
use crate::noted::{Noted, in_runs};
use crate::rows::AccessKey;

mod buckets;
pub(crate) mod listing;
pub(crate) mod lock;
pub(crate) mod objects;
mod upload;
pub(crate) mod words;

/// The key a request was signed with, as `S3Access` left it.
fn signer<T>(request: &S3Request<T>) -> Option<AccessKey> {
    request.extensions.get::<AccessKey>().cloned()
}

/// What a request says besides its path: the keys of one that deletes many.
fn keys_of(input: &DeleteObjectsInput) -> Vec<Value> {
    let objects = input.delete.objects.iter();
    in_runs(objects.map(|object| match &object.version_id {
        None => json!(object.key),
        Some(version) => json!({ "key": object.key, "version": version }),
    }))
}

/// Nothing besides its path.
fn alone<T>(_input: &T) -> Vec<Value> {
    vec![Value::Null]
}

/// One operation after the other, each to the function of its name; what deletes, or changes what
/// may be deleted, is written into the log of actions before it is done.
macro_rules! operations {
    ($($name:ident: $input:ident => $output:ident,)*
     ; noted
     $($noted:ident: $noted_input:ident => $noted_output:ident, $details:path,)*) => {
        #[async_trait::async_trait]
        impl S3 for Gateway {
            $(
                async fn $name(
                    &self,
                    request: S3Request<$input>,
                ) -> S3Result<S3Response<$output>> {
                    let signer = signer(&request);
                    let output = self.$name(request.input, signer).await?;
                    Ok(S3Response::new(output))
                }
            )*
            $(
                async fn $noted(
                    &self,
                    request: S3Request<$noted_input>,
                ) -> S3Result<S3Response<$noted_output>> {
                    let noted = self.asked_by(stringify!($noted), &request, $details).await?;
                    let signer = signer(&request);
                    let ended = self.$noted(request.input, signer).await;
                    let how = match &ended {
                        Ok(_) => Ok(Value::Null),
                        Err(error) => Err(error.to_string()),
                    };
                    self.ended(noted, how).await.map_err(fault)?;
                    Ok(S3Response::new(ended?))
                }
            )*
        }
    };
}

operations! {
    list_buckets: ListBucketsInput => ListBucketsOutput,
    head_bucket: HeadBucketInput => HeadBucketOutput,
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput,
    get_bucket_versioning: GetBucketVersioningInput => GetBucketVersioningOutput,
    get_bucket_tagging: GetBucketTaggingInput => GetBucketTaggingOutput,
    put_bucket_tagging: PutBucketTaggingInput => PutBucketTaggingOutput,
    delete_bucket_tagging: DeleteBucketTaggingInput => DeleteBucketTaggingOutput,
    get_bucket_lifecycle_configuration:
        GetBucketLifecycleConfigurationInput => GetBucketLifecycleConfigurationOutput,
    get_object_lock_configuration:
        GetObjectLockConfigurationInput => GetObjectLockConfigurationOutput,
    list_objects: ListObjectsInput => ListObjectsOutput,
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output,
    list_object_versions: ListObjectVersionsInput => ListObjectVersionsOutput,
    put_object: PutObjectInput => PutObjectOutput,
    get_object: GetObjectInput => GetObjectOutput,
    head_object: HeadObjectInput => HeadObjectOutput,
    copy_object: CopyObjectInput => CopyObjectOutput,
    get_object_tagging: GetObjectTaggingInput => GetObjectTaggingOutput,
    put_object_tagging: PutObjectTaggingInput => PutObjectTaggingOutput,
    delete_object_tagging: DeleteObjectTaggingInput => DeleteObjectTaggingOutput,
    get_object_retention: GetObjectRetentionInput => GetObjectRetentionOutput,
    get_object_legal_hold: GetObjectLegalHoldInput => GetObjectLegalHoldOutput,
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput,
    upload_part: UploadPartInput => UploadPartOutput,
    upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput,
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput,
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput,
    list_parts: ListPartsInput => ListPartsOutput,
    list_multipart_uploads: ListMultipartUploadsInput => ListMultipartUploadsOutput,
    ; noted
    create_bucket: CreateBucketInput => CreateBucketOutput, alone,
    delete_bucket: DeleteBucketInput => DeleteBucketOutput, alone,
    put_bucket_versioning: PutBucketVersioningInput => PutBucketVersioningOutput, alone,
    put_bucket_lifecycle_configuration:
        PutBucketLifecycleConfigurationInput => PutBucketLifecycleConfigurationOutput, alone,
    delete_bucket_lifecycle:
        DeleteBucketLifecycleInput => DeleteBucketLifecycleOutput, alone,
    put_object_lock_configuration:
        PutObjectLockConfigurationInput => PutObjectLockConfigurationOutput, alone,
    delete_object: DeleteObjectInput => DeleteObjectOutput, alone,
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput, keys_of,
    put_object_retention: PutObjectRetentionInput => PutObjectRetentionOutput, alone,
    put_object_legal_hold: PutObjectLegalHoldInput => PutObjectLegalHoldOutput, alone,
}

impl Gateway {
    /// Writes a request down before it is done: its path as it came, and who signed it.
    async fn asked_by<T: Sync>(
        &self,
        action: &str,
        request: &S3Request<T>,
        details: impl FnOnce(&T) -> Vec<Value> + Send,
    ) -> S3Result<Noted> {
        let signed = request.credentials.as_ref();
        let by = signed.map_or("s3".to_owned(), |own| format!("s3 {}", own.access_key));
        let subject = request.uri.path_and_query();
        let subject = subject.map_or("", |path| path.as_str());
        let details = details(&request.input);
        let action = action.replace('_', "-");
        let noted = self.asked(&action, &by, subject, details).await;
        noted.map_err(fault)
    }
}
