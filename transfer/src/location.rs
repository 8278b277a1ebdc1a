//! A place for objects: a directory, or a prefix in a bucket of an S3-compatible store.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};

use crate::error::Error;

/// How many objects one listing may give: as many as the service imports at once.
const LISTED_OBJECTS_MAX: usize = 50_000;
/// How large an object may be that is read as a whole: a manifest of a few hundred thousand files.
const WHOLE_OBJECT_BYTES_MAX: u64 = 64 << 20;

/// What `s3://bucket` means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum S3Buckets {
    /// A bucket of the store that the usual environment names: `AWS_ENDPOINT_URL`, `AWS_REGION`,
    /// `AWS_ACCESS_KEY_ID` and so on.
    #[default]
    Remote,
    /// The subdirectory of that name.
    Directory(PathBuf),
    /// Memory of this process.
    Memory(Memory),
}

/// Objects in the memory of this process, for a database that keeps nothing on disk. All clones are the
/// same.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<InMemory>);

impl PartialEq for Memory {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Memory {}

/// A place for objects.
#[derive(Clone, Debug)]
pub struct Location {
    store: Arc<dyn ObjectStore>,
    /// The bucket, or the path of the directory.
    bucket: String,
    /// In front of the names of all objects; empty, or without a slash at its end.
    prefix: String,
    /// Whether it is a directory.
    is_directory: bool,
    /// Whether it is the one object that the prefix names.
    is_single: bool,
}

/// Where a text points to.
enum Place {
    Directory {
        root: PathBuf,
        prefix: String,
    },
    Bucket {
        bucket: String,
        prefix: String,
    },
    Memory {
        memory: Memory,
        bucket: String,
        prefix: String,
    },
}

impl Place {
    fn parse(text: &str, buckets: &S3Buckets) -> Result<Self, Error> {
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if bucket.is_empty() || bucket.contains("..") || bucket == "." || !bucket.bytes().all(is_name) {
                return Err(Error::unusable(text, "names no bucket; write s3://bucket/prefix"));
            }
            let prefix = prefix.trim_matches('/').to_owned();
            return Ok(match buckets {
                S3Buckets::Directory(directory) => Place::Directory {
                    root: directory.join(bucket),
                    prefix,
                },
                S3Buckets::Remote => Place::Bucket {
                    bucket: bucket.to_owned(),
                    prefix,
                },
                S3Buckets::Memory(memory) => Place::Memory {
                    memory: memory.clone(),
                    bucket: bucket.to_owned(),
                    prefix,
                },
            });
        }
        let path = text.strip_prefix("file://").unwrap_or(text);
        if path.contains("://") {
            return Err(Error::unusable(
                text,
                "is no place that is known: give a directory, file:///directory or s3://bucket/prefix",
            ));
        }
        if path.is_empty() {
            return Err(Error::unusable(
                "an empty text",
                "is no place; give a directory or s3://bucket/prefix",
            ));
        }
        Ok(Place::Directory {
            root: PathBuf::from(path),
            prefix: String::new(),
        })
    }
}

impl Location {
    /// A place to write to: `s3://bucket/prefix`, `file:///directory` or the path of a directory, which
    /// is created where it is missing.
    pub fn to_write(text: &str, buckets: &S3Buckets) -> Result<Self, Error> {
        match Place::parse(text, buckets)? {
            Place::Directory { root, prefix } => {
                std::fs::create_dir_all(&root)
                    .map_err(|error| Error::unusable(text, format!("cannot be created: {error}")))?;
                Self::directory(text, &root, prefix)
            }
            Place::Bucket { bucket, prefix } => remote(text, bucket, prefix),
            Place::Memory {
                memory,
                bucket,
                prefix,
            } => Ok(Self::in_memory(&memory, bucket, prefix)),
        }
    }

    /// A place to read from; a path may also name a single file.
    pub fn to_read(text: &str, buckets: &S3Buckets) -> Result<Self, Error> {
        match Place::parse(text, buckets)? {
            Place::Directory { root, prefix } if root.is_dir() => Self::directory(text, &root, prefix),
            Place::Directory { root, .. } => {
                let parent = match root.parent() {
                    Some(parent) if parent.as_os_str().is_empty() => Some(FilePath::new(".")),
                    parent => parent,
                };
                match (parent, root.file_name().and_then(|name| name.to_str())) {
                    (Some(parent), Some(name)) if root.is_file() => {
                        let place = Self::directory(text, parent, name.to_owned())?;
                        Ok(Location {
                            is_single: true,
                            ..place
                        })
                    }
                    _ => Err(Error::unusable(text, "does not exist")),
                }
            }
            Place::Bucket { bucket, prefix } => remote(text, bucket, prefix),
            Place::Memory {
                memory,
                bucket,
                prefix,
            } => Ok(Self::in_memory(&memory, bucket, prefix)),
        }
    }

    /// A bucket in memory.
    pub fn in_memory(memory: &Memory, bucket: String, prefix: String) -> Self {
        Location {
            store: Arc::new(PrefixStore::new(memory.0.clone(), bucket.as_str())),
            bucket,
            prefix,
            is_directory: false,
            is_single: false,
        }
    }

    fn directory(text: &str, root: &FilePath, prefix: String) -> Result<Self, Error> {
        let store = LocalFileSystem::new_with_prefix(root)
            .map_err(|error| Error::unusable(text, format!("cannot be used: {error}")))?;
        Ok(Location {
            // An object that is acknowledged survives a loss of power.
            store: Arc::new(store.with_fsync(true)),
            bucket: root.to_string_lossy().trim_end_matches('/').to_owned(),
            prefix,
            is_directory: true,
            is_single: false,
        })
    }

    /// The place below this one.
    pub fn below(&self, name: &str) -> Self {
        Location {
            prefix: self.name_of(name),
            is_single: false,
            ..self.clone()
        }
    }

    /// What manifests name as the bucket: of a directory, its own name.
    pub fn bucket(&self) -> &str {
        match self.is_directory {
            true => self.bucket.rsplit('/').next().unwrap_or_default(),
            false => &self.bucket,
        }
    }

    /// What stands in front of the names of its objects in their bucket; empty, or without a slash at
    /// its end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether it is a directory, not a bucket of a store elsewhere.
    pub fn is_directory(&self) -> bool {
        self.is_directory
    }

    /// The full name, in its bucket, of the object that has the name `name` here.
    pub fn name_of(&self, name: &str) -> String {
        match (self.prefix.as_str(), name) {
            ("", name) => name.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, name) => format!("{prefix}/{name}"),
        }
    }

    /// An object, or with an empty name the place itself, as messages name it.
    pub fn shown(&self, name: &str) -> String {
        let name = self.name_of(name);
        match (self.is_directory, name.as_str()) {
            (true, "") => self.bucket.clone(),
            (true, name) => format!("{}/{name}", self.bucket),
            (false, "") => format!("s3://{}", self.bucket),
            (false, name) => format!("s3://{}/{name}", self.bucket),
        }
    }

    pub(crate) fn store(&self) -> &dyn ObjectStore {
        self.store.as_ref()
    }

    pub(crate) fn path(&self, name: &str) -> Path {
        Path::from(self.name_of(name))
    }

    /// What a failure of the store means for an object.
    pub(crate) fn failed(&self, name: &str, error: object_store::Error) -> Error {
        match error {
            object_store::Error::NotFound { .. } => {
                Error::missing(self.shown(name), "there is no such object or bucket")
            }
            error => Error::Unreachable {
                object: self.shown(name),
                source: Box::new(error),
            },
        }
    }

    /// Writes a small object.
    pub(crate) async fn put(&self, name: &str, content: impl Into<Bytes>) -> Result<(), Error> {
        let payload = PutPayload::from_bytes(content.into());
        let put = self.store.put(&self.path(name), payload).await;
        put.map(|_| ()).map_err(|error| self.failed(name, error))
    }

    /// Reads a small object.
    pub(crate) async fn get(&self, name: &str) -> Result<Bytes, Error> {
        let found = self.store.get(&self.path(name)).await;
        let found = found.map_err(|error| self.failed(name, error))?;
        if found.meta.size > WHOLE_OBJECT_BYTES_MAX {
            return Err(Error::damaged(
                self.shown(name),
                format!(
                    "it has {} bytes, which is too much for what it should be",
                    found.meta.size
                ),
            ));
        }
        found.bytes().await.map_err(|error| self.failed(name, error))
    }

    /// Reads a small object where it is there.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Bytes>, Error> {
        match self.get(name).await {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The size of an object in bytes; `None` where it is not there.
    pub(crate) async fn size_bytes(&self, name: &str) -> Result<Option<u64>, Error> {
        match self.store.head(&self.path(name)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(name, error)),
        }
    }

    /// Removes an object; one that is not there is no failure.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), Error> {
        match self.store.delete(&self.path(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(name, error)),
        }
    }

    /// Removes the directories that the place is made of, where they are empty; elsewhere there are none.
    pub(crate) fn remove_directory(&self) {
        if !self.is_directory {
            return;
        }
        let path = FilePath::new(&self.bucket).join(&self.prefix);
        for directory in [path.join("chunks"), path] {
            if let Err(error) = std::fs::remove_dir(&directory) {
                tracing::debug!(%error, directory = %directory.display(), "a directory is left");
            }
        }
    }

    /// All objects whose names in the bucket begin with the prefix, by their names, as objects of the
    /// place that [`Self::whole`] gives.
    pub(crate) async fn list(&self) -> Result<Vec<ObjectMeta>, Error> {
        let prefix = Path::from(self.prefix.as_str());
        if self.is_single {
            // Nobody wants all that lies beside it to be looked at.
            let object = self.store.head(&prefix).await;
            return object
                .map(|object| vec![object])
                .map_err(|error| self.failed("", error));
        }
        // A store lists whole segments of names alone; the last one may be the beginning of several.
        let folder = prefix
            .as_ref()
            .rsplit_once('/')
            .map(|(folder, _)| Path::from(folder));
        let mut listed = Vec::new();
        let mut stream = self.store.list(folder.as_ref());
        while let Some(object) = stream.try_next().await.map_err(|error| self.failed("", error))? {
            if !object.location.as_ref().starts_with(prefix.as_ref()) {
                continue;
            }
            if listed.len() == LISTED_OBJECTS_MAX {
                return Err(Error::unusable(
                    self.shown(""),
                    format!("holds more than {LISTED_OBJECTS_MAX} objects; give a longer prefix"),
                ));
            }
            listed.push(object);
        }
        listed.sort_by(|left, right| left.location.cmp(&right.location));
        Ok(listed)
    }

    /// The whole bucket or directory that this is a part of.
    pub(crate) fn whole(&self) -> Self {
        Location {
            prefix: String::new(),
            is_single: false,
            ..self.clone()
        }
    }
}

/// A bucket of a store elsewhere.
#[cfg(feature = "s3")]
fn remote(text: &str, bucket: String, prefix: String) -> Result<Location, Error> {
    // Whoever chose another provider before has chosen.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let is_plain = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .any(|endpoint| endpoint.starts_with("http://"));
    let mut builder = object_store::aws::AmazonS3Builder::from_env().with_bucket_name(&bucket);
    if is_plain {
        builder = builder.with_allow_http(true);
    }
    if let Ok(endpoint) = std::env::var("AWS_ENDPOINT_URL_S3") {
        builder = builder.with_endpoint(endpoint);
    }
    let store = builder
        .build()
        .map_err(|error| Error::unusable(text, format!("cannot be reached: {error}")))?;
    Ok(Location {
        store: Arc::new(store),
        bucket,
        prefix,
        is_directory: false,
        is_single: false,
    })
}

#[cfg(not(feature = "s3"))]
fn remote(text: &str, _: String, _: String) -> Result<Location, Error> {
    Err(Error::unusable(
        text,
        "cannot be reached: this program was built without S3; give a directory",
    ))
}
