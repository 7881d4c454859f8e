//! A body → a file, bounded in size and time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::{Refusal, Settings};

/// How long nothing may come of a body that is not whole yet.
const SILENCE: Duration = Duration::from_secs(30);
/// Size of a JSON body.
const JSON: u64 = 1 << 20;
/// Bytes of a refused body that are taken in all the same, and how long that may take: who is still sending when the connection ends may never see the answer.
const LEFTOVER: usize = 1 << 20;
const LINGER: Duration = Duration::from_secs(2);

/// A file that came in, alone in a folder that goes with it.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) path: PathBuf,
    _folder: TempDir,
}

impl AsRef<Path> for Upload {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl Upload {
    /// A folder in `spool` for a file called `name`, whose ending alone is kept.
    pub(super) fn place(spool: &Path, name: &str) -> Result<Self, Refusal> {
        let folder = tempfile::tempdir_in(spool).map_err(|e| Refusal::broken(&format!("{}: {e}", spool.display())))?;
        Ok(Self { path: folder.path().join(file_name(name)), _folder: folder })
    }
}

/// What a received file is called here: no part of a name that others chose, but its ending.
pub(super) fn file_name(name: &str) -> String {
    let ending = Path::new(name).extension().and_then(|e| e.to_str()).filter(|e| e.len() <= 5 && e.bytes().all(|b| b.is_ascii_alphanumeric()));
    // A sidecar is only looked for beside, and this must not be one.
    ending.filter(|e| !e.eq_ignore_ascii_case("c2pa")).map_or_else(|| "upload".into(), |e| format!("upload.{}", e.to_ascii_lowercase()))
}

/// Where bytes of unknown number are written, no more than allowed.
pub(super) struct Sink {
    file: File,
    written: u64,
    limit: u64,
}

impl Sink {
    pub(super) async fn create(path: &Path, limit: u64) -> Result<Self, Refusal> {
        let file = File::create_new(path).await.map_err(|e| Refusal::broken(&format!("{}: {e}", path.display())))?;
        Ok(Self { file, written: 0, limit })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.written += bytes.len() as u64;
        if self.written > self.limit {
            return Err(Refusal::too_large(self.limit));
        }
        self.file.write_all(bytes).await.map_err(|e| Refusal::broken(&e))
    }

    /// Ends the file; an empty one is refused.
    pub(super) async fn finish(self) -> Result<u64, Refusal> {
        self.finish_or("the body is empty; send the bytes of the file").await
    }

    /// The same, where `empty` is told of an empty one.
    pub(super) async fn finish_or(mut self, empty: &str) -> Result<u64, Refusal> {
        self.file.flush().await.map_err(|e| Refusal::broken(&e))?;
        match self.written {
            0 => Err(Refusal::bad(empty)),
            n => Ok(n),
        }
    }
}

fn slow() -> Refusal {
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body comes too slowly, or not at all; send it again")
}

/// Waits for the next part of a body, but not for long.
pub(super) async fn patiently<T>(part: impl Future<Output = T>) -> Result<T, Refusal> {
    tokio::time::timeout(SILENCE, part).await.map_err(|_| slow())
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = patiently(body.frame()).await? {
        let frame = frame.map_err(|_| Refusal::bad("the body broke off; send it again"))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// Refuses a body that says that it is too long.
pub(super) async fn declared(headers: &HeaderMap, body: &mut Body, limit: u64) -> Result<(), Refusal> {
    let length: Option<u64> = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if length.is_none_or(|l| l <= limit) {
        return Ok(());
    }
    linger(body).await;
    Err(Refusal::too_large(limit))
}

/// Takes in some of what is left of a refused body.
pub(super) async fn linger(body: &mut Body) {
    let leftover = async {
        let mut taken = 0;
        while taken < LEFTOVER
            && let Ok(Some(data)) = next(body).await
        {
            taken += data.len();
        }
    };
    // The refusal stands whether all of it came or not.
    let _ = tokio::time::timeout(LINGER, leftover).await;
}

/// Receives a file.
pub(super) async fn receive(headers: &HeaderMap, mut body: Body, to: &Path, settings: &Settings) -> Result<u64, Refusal> {
    declared(headers, &mut body, settings.upload_bytes).await?;
    let receive = async {
        let mut sink = Sink::create(to, settings.upload_bytes).await?;
        while let Some(data) = next(&mut body).await? {
            sink.write(&data).await?;
        }
        sink.finish().await
    };
    tokio::time::timeout(settings.upload_time, receive).await.map_err(|_| slow())?
}

/// Receives a body that is small enough to be held.
pub(super) async fn bytes(headers: &HeaderMap, mut body: Body, limit: u64) -> Result<Vec<u8>, Refusal> {
    declared(headers, &mut body, limit).await?;
    let mut out = Vec::new();
    while let Some(data) = next(&mut body).await? {
        if (out.len() + data.len()) as u64 > limit {
            return Err(Refusal::too_large(limit));
        }
        out.extend_from_slice(&data);
    }
    Ok(out)
}

/// Receives a JSON body.
pub(super) async fn json<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Refusal> {
    let bytes = bytes(headers, body, JSON).await?;
    serde_json::from_slice(&bytes).map_err(|e| Refusal::bad(format!("the body is not the JSON that is asked for: {e}")))
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_of_others_give_an_ending_at_most() {
        for (name, kept) in [("a clip.MP4", "upload.mp4"), ("../../etc/passwd", "upload"), ("x.tar/../y", "upload"), ("a.c2pa", "upload"), ("a.m\u{e9}", "upload"), ("", "upload")]
        {
            assert_eq!(file_name(name), kept);
        }
    }
}
