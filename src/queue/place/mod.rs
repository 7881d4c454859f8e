//! Where media lie: in a file, or in an S3-compatible store.

mod name;

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, ClientOptions, GetOptions, MultipartUpload, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, RetryConfig,
};
use tokio::runtime::Runtime;

use crate::draft::take_after;
use crate::media::Cancel;
use crate::registry::Content;

pub use name::Place;

/// Why an object could not be fetched or put.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is none.
    #[error("{place}: is not in the store; check the name")]
    Missing {
        /// Where.
        place: Place,
    },
    /// There is one already.
    #[error("{place}: exists already; choose another target or allow replacing it with --force")]
    Exists {
        /// Where.
        place: Place,
    },
    /// It is over the limit on bytes.
    #[error(
        "{place}: bytes of {found} is over the limit of {limit}; raise the limit in the \
        configuration if you trust the file"
    )]
    TooLarge {
        /// Where.
        place: Place,
        /// How large it is.
        found: u64,
        /// How large it may be.
        limit: u64,
    },
    /// The store, or the way to it, failed.
    #[error(
        "{place}: the store failed: {reason}; check AWS_ENDPOINT_URL, AWS_REGION and the AWS_ \
        credentials of the worker"
    )]
    Failed {
        /// Where.
        place: Place,
        /// Why.
        reason: String,
    },
    /// The copy here cannot be written or read.
    #[error("{}: {reason}; check the free space and the permissions", path.display())]
    Local {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Stopped on request.
    #[error("{place}: stopped before it was fetched")]
    Stopped {
        /// Where.
        place: Place,
    },
}

/// Up to this size an object is put in one request, which can be refused if there is one already;
/// above it in parts.
const WHOLE: u64 = 64 << 20;
/// Size of a part: ten thousand of them, the most there may be, are more than any limit here.
const PART: usize = 16 << 20;
/// How long a request may take, its body included.
const REQUEST: Duration = Duration::from_secs(3600);
/// How long a store may take to be reached.
const CONNECT: Duration = Duration::from_secs(10);
/// The header that holds the SHA-256 of what we put: who finds it knows what it is without fetching
/// it.
const DIGEST: &str = "proofmark-content";

/// The stores that this process has spoken to. Endpoint, region and credentials come from the usual
/// `AWS_*` variables and go nowhere.
#[derive(Default)]
pub struct Stores {
    open: Mutex<Option<Opened>>,
}

#[derive(Clone)]
struct Opened {
    runtime: Arc<Runtime>,
    buckets: Arc<Mutex<HashMap<String, Arc<AmazonS3>>>>,
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stores")
    }
}

impl Stores {
    fn open(
        &self,
        place: &Place,
        bucket: &str,
    ) -> Result<(Arc<Runtime>, Arc<AmazonS3>), StoreError> {
        let failed = |reason: String| StoreError::Failed { place: place.clone(), reason };
        let opened = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            match &mut *open {
                Some(opened) => opened.clone(),
                none => {
                    // Whoever was first is as good: all here is ring's.
                    let _ = rustls::crypto::ring::default_provider().install_default();
                    let runtime = tokio::runtime::Builder::new_multi_thread()
                        .worker_threads(1)
                        .enable_all()
                        .build()
                        .map_err(|e| failed(e.to_string()))?;
                    none.insert(Opened { runtime: Arc::new(runtime), buckets: Arc::default() })
                        .clone()
                }
            }
        };
        let mut buckets = opened.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = buckets.get(bucket) {
            return Ok((opened.runtime.clone(), store.clone()));
        }
        // The queue is patient itself; here only a hiccup is waited for.
        let retry = RetryConfig {
            max_retries: 2,
            retry_timeout: Duration::from_secs(30),
            ..RetryConfig::default()
        };
        let mut client = ClientOptions::new().with_timeout(REQUEST).with_connect_timeout(CONNECT);
        if std::env::var("AWS_ALLOW_HTTP").is_ok_and(|v| v == "true") {
            client = client.with_allow_http(true);
        }
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_client_options(client)
            .with_retry(retry)
            .build()
            .map_err(|e| failed(told(&e)))?;
        let store = Arc::new(store);
        buckets.insert(bucket.into(), store.clone());
        Ok((opened.runtime.clone(), store))
    }

    /// Where a file can be read: itself, or a copy in `folder` of an object that is no larger than
    /// `limit` bytes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn fetch(
        &self,
        place: &Place,
        folder: &Path,
        limit: u64,
        cancel: &Cancel,
    ) -> Result<PathBuf, StoreError> {
        let Place::Object { bucket, key } = place else {
            let Place::File(path) = place else {
                return Err(StoreError::Missing { place: place.clone() });
            };
            return Ok(path.clone());
        };
        let (runtime, store) = self.open(place, bucket)?;
        let copy = folder.join(place.name());
        let local =
            |e: std::io::Error| StoreError::Local { path: copy.clone(), reason: e.to_string() };
        runtime.block_on(async {
            let got = store.get(&self.key(place, key)?).await.map_err(|e| failed(place, &e))?;
            let too_large = |found| StoreError::TooLarge { place: place.clone(), found, limit };
            if got.meta.size > limit {
                return Err(too_large(got.meta.size));
            }
            let mut file = File::create(&copy).map_err(local)?;
            let mut bytes = 0;
            let mut chunks = got.into_stream();
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk.map_err(|e| failed(place, &e))?;
                bytes += chunk.len() as u64;
                // What it said of itself need not be true.
                if bytes > limit {
                    return Err(too_large(bytes));
                }
                if cancel.is_cancelled() {
                    return Err(StoreError::Stopped { place: place.clone() });
                }
                file.write_all(&chunk).map_err(local)?;
            }
            Ok(())
        })?;
        Ok(copy)
    }

    /// What is at a place: `None` if nothing is, `Some(None)` if it is unknown what.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn content(&self, place: &Place) -> Result<Option<Option<Content>>, StoreError> {
        match place {
            Place::File(path) => match Content::of_file(path) {
                Ok(content) => Ok(Some(Some(content))),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(e) => Err(StoreError::Local { path: path.clone(), reason: e.to_string() }),
            },
            Place::Object { bucket, key } => {
                let (runtime, store) = self.open(place, bucket)?;
                let head = GetOptions { head: true, ..GetOptions::default() };
                match runtime.block_on(async {
                    store
                        .get_opts(&self.key(place, key)?, head)
                        .await
                        .map_err(|e| failed(place, &e))
                }) {
                    Ok(got) => Ok(Some(
                        got.attributes
                            .get(&Attribute::Metadata(DIGEST.into()))
                            .and_then(|d| d.as_ref().parse().ok()),
                    )),
                    Err(StoreError::Missing { .. }) => Ok(None),
                    Err(e) => Err(e),
                }
            }
        }
    }

    /// Puts a finished file in its place, whole or not at all; it is moved there if both are in one
    /// file system.
    ///
    /// # Errors
    /// [`StoreError::Exists`] without `replace`, if there is something; [`StoreError`] otherwise.
    #[expect(clippy::too_many_arguments, reason = "each is another thing")]
    pub fn put(
        &self,
        from: &Path,
        place: &Place,
        content: &Content,
        mime: &str,
        replace: bool,
    ) -> Result<(), StoreError> {
        match place {
            Place::File(to) => rename(from, to, replace).map_err(|e| match e.kind() {
                std::io::ErrorKind::AlreadyExists => StoreError::Exists { place: place.clone() },
                _ => StoreError::Local { path: to.clone(), reason: e.to_string() },
            }),
            Place::Object { bucket, key } => {
                let (runtime, store) = self.open(place, bucket)?;
                let local = |e: std::io::Error| StoreError::Local {
                    path: from.into(),
                    reason: e.to_string(),
                };
                let mut file = File::open(from).map_err(local)?;
                let size = file.metadata().map_err(local)?.len();
                let key = self.key(place, key)?;
                let attributes: Attributes = [
                    (Attribute::ContentType, mime.to_string()),
                    (Attribute::Metadata(DIGEST.into()), content.to_string()),
                ]
                .into_iter()
                .collect();
                if size > WHOLE {
                    // Parts cannot be refused together, so it is looked before.
                    if !replace && self.content(place)?.is_some() {
                        return Err(StoreError::Exists { place: place.clone() });
                    }
                    return runtime.block_on(async {
                        let options =
                            PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
                        let mut upload = store
                            .put_multipart_opts(&key, options)
                            .await
                            .map_err(|e| failed(place, &e))?;
                        let sent = parts(upload.as_mut(), &mut file, place, from).await;
                        if sent.is_err() {
                            let _ = upload.abort().await;
                        }
                        sent
                    });
                }
                let mut bytes = Vec::with_capacity(size as usize);
                file.read_to_end(&mut bytes).map_err(local)?;
                let options = PutOptions {
                    mode: if replace { PutMode::Overwrite } else { PutMode::Create },
                    attributes,
                    ..PutOptions::default()
                };
                runtime
                    .block_on(store.put_opts(&key, PutPayload::from(bytes), options))
                    .map_err(|e| failed(place, &e))
                    .map(|_| ())
            }
        }
    }

    /// Takes away what is at a place, if anything is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove(&self, place: &Place) -> Result<(), StoreError> {
        match place {
            Place::File(path) => match std::fs::remove_file(path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    Err(StoreError::Local { path: path.clone(), reason: e.to_string() })
                }
                _ => Ok(()),
            },
            Place::Object { bucket, key } => {
                let (runtime, store) = self.open(place, bucket)?;
                let key = self.key(place, key)?;
                match runtime.block_on(store.delete(&key)) {
                    Err(e) if !matches!(e, object_store::Error::NotFound { .. }) => {
                        Err(failed(place, &e))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    fn key(&self, place: &Place, key: &str) -> Result<Key, StoreError> {
        Key::parse(key)
            .map_err(|e| StoreError::Failed { place: place.clone(), reason: e.to_string() })
    }
}

async fn parts(
    upload: &mut dyn MultipartUpload,
    file: &mut File,
    place: &Place,
    from: &Path,
) -> Result<(), StoreError> {
    loop {
        let mut part = Vec::with_capacity(PART);
        let read = file
            .take(PART as u64)
            .read_to_end(&mut part)
            .map_err(|e| StoreError::Local { path: from.into(), reason: e.to_string() })?;
        if read == 0 {
            return upload.complete().await.map(|_| ()).map_err(|e| failed(place, &e));
        }
        upload.put_part(PutPayload::from(part)).await.map_err(|e| failed(place, &e))?;
    }
}

/// Gives a file its name, and the mode and owner of one that it replaces. Without `replace` a link
/// is made first, which is refused where there is a file already.
fn rename(from: &Path, to: &Path, replace: bool) -> std::io::Result<()> {
    let file = File::open(from)?;
    file.sync_all()?;
    if replace {
        take_after(&file, to)?;
        return std::fs::rename(from, to);
    }
    match std::fs::hard_link(from, to) {
        Ok(()) => std::fs::remove_file(from),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Err(e),
        // Not every file system has links.
        Err(_) if to.exists() => Err(std::io::ErrorKind::AlreadyExists.into()),
        Err(_) => std::fs::rename(from, to),
    }
}

fn failed(place: &Place, e: &object_store::Error) -> StoreError {
    let place = place.clone();
    match e {
        object_store::Error::NotFound { .. } => StoreError::Missing { place },
        object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. } => {
            StoreError::Exists { place }
        }
        e => StoreError::Failed { place, reason: told(e) },
    }
}

/// What the store said, in one line of bounded length: its answers are pages at times.
fn told(e: &object_store::Error) -> String {
    let line: String = e.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    // A signature in an address is a credential for a while.
    let line = line.split("X-Amz-").next().unwrap_or_default();
    line.chars().take(400).collect()
}

#[cfg(test)]
mod tests;
