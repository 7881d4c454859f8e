//! What a place is called.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use object_store::path::Path as Key;
use serde::{Deserialize, Serialize};
use url::Url;

/// Where a file is: a path, absolute where it was given so, or `s3://bucket/key`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[non_exhaustive]
pub enum Place {
    /// In the file system.
    File(PathBuf),
    /// In a store.
    Object {
        /// The bucket.
        bucket: String,
        /// The key in it.
        key: String,
    },
}

impl Place {
    /// Its last part, which tells the kind of file.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::File(path) => path.file_name().and_then(|n| n.to_str()).unwrap_or_default(),
            Self::Object { key, .. } => key.rsplit('/').next().unwrap_or_default(),
        }
    }

    /// The sidecar beside it: the same name with the extension `.c2pa`.
    #[must_use]
    pub fn sidecar(&self) -> Self {
        match self {
            Self::File(path) => Self::File(path.with_extension("c2pa")),
            Self::Object { bucket, key } => Self::Object {
                bucket: bucket.clone(),
                key: Path::new(key).with_extension("c2pa").to_string_lossy().into_owned(),
            },
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.contains('\0') {
            return Err("a file has a name, without NUL characters".into());
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::File(text.into()));
        };
        match scheme {
            "file" => {
                let path = Url::parse(text).ok().and_then(|u| u.to_file_path().ok());
                path.map(Self::File).ok_or_else(|| {
                    format!(
                        "'{text}' names no file on this machine; write it like \
                        file:///clips/clip.mp4"
                    )
                })
            }
            "s3" => match rest.split_once('/') {
                // What comes before an @ would be a secret, and jobs are read by many.
                Some((bucket, key))
                    if !bucket.is_empty()
                        && !bucket.contains('@')
                        && !key.is_empty()
                        && !key.ends_with('/')
                        && Key::parse(key).is_ok() =>
                {
                    Ok(Self::Object { bucket: bucket.into(), key: key.into() })
                }
                _ => Err("this names no object in a store; write it like \
                    s3://bucket/folder/clip.mp4, without user or password, which AWS_ACCESS_KEY_ID \
                    and AWS_SECRET_ACCESS_KEY hold"
                    .into()),
            },
            _ => Err(format!(
                "{scheme}://… cannot be read; give a path, file:///… or s3://bucket/key"
            )),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Object { bucket, key } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
