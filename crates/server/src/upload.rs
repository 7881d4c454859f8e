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

use super::pace::{PATIENCE, TooSlow};
use super::{Problem, Service};

/// Bytes after which the disk is looked at again.
const LOOK: u64 = 16 << 20;
/// Size of a JSON body.
const JSON: u64 = 1 << 20;
/// Bytes of a refused body that are taken in all the same, and how long that may take: who is still
/// sending when the connection ends may never see the answer.
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
    pub(super) fn place(spool: &Path, name: &str) -> Result<Self, Problem> {
        let folder = tempfile::tempdir_in(spool)
            .map_err(|e| Problem::broken(&format!("{}: {e}", spool.display())))?;
        Ok(Self { path: folder.path().join(file_name(name)), _folder: folder })
    }
}

/// What a received file is called here: no part of a name that others chose, but its ending.
pub(super) fn file_name(name: &str) -> String {
    let ending = Path::new(name)
        .extension()
        .and_then(|e| e.to_str())
        .filter(|e| e.len() <= 5 && e.bytes().all(|b| b.is_ascii_alphanumeric()));
    // A sidecar is only looked for beside, and this must not be one.
    ending
        .filter(|e| !e.eq_ignore_ascii_case("c2pa"))
        .map_or_else(|| "upload".into(), |e| format!("upload.{}", e.to_ascii_lowercase()))
}

/// Where bytes of unknown number are written, no more than allowed.
pub(super) struct Sink<'a> {
    file: File,
    written: u64,
    /// Bytes that the disk was asked about.
    looked: u64,
    service: &'a Service,
}

impl<'a> Sink<'a> {
    pub(super) async fn create(path: &Path, service: &'a Service) -> Result<Self, Problem> {
        let file = File::create_new(path)
            .await
            .map_err(|e| Problem::broken(&format!("{}: {e}", path.display())))?;
        Ok(Self { file, written: 0, looked: 0, service })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.written += bytes.len() as u64;
        let limit = self.service.settings.upload_bytes;
        if self.written > limit {
            return Err(Problem::too_large(limit));
        }
        // Others write meanwhile.
        if self.written >= self.looked {
            self.service.disk.room(bytes.len() as u64)?;
            self.looked = self.written + LOOK;
        }
        self.file.write_all(bytes).await.map_err(|e| Problem::broken(&e))
    }

    /// Ends the file; an empty one is refused.
    pub(super) async fn finish(self) -> Result<u64, Problem> {
        self.finish_or("the body is empty; send the bytes of the file").await
    }

    /// The same, where `empty` is told of an empty one.
    pub(super) async fn finish_or(mut self, empty: &str) -> Result<u64, Problem> {
        self.file.flush().await.map_err(|e| Problem::broken(&e))?;
        match self.written {
            0 => Err(Problem::bad(empty)),
            n => Ok(n),
        }
    }
}

pub(super) fn slow() -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "the body comes too slowly, or not at all; send it again",
    )
}

/// Whether a body ended since it came too slowly.
pub(super) fn is_slow(e: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(e), |e| e.source()).any(|e| e.is::<TooSlow>())
}

/// Waits for the next part of a body, but not for long.
pub(super) async fn patiently<T>(part: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(PATIENCE, part).await.map_err(|_| slow())
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    while let Some(frame) = patiently(body.frame()).await? {
        let frame = frame.map_err(|e| {
            if is_slow(&e) { slow() } else { Problem::bad("the body broke off; send it again") }
        })?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// The bytes that a body says that it has.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok())
}

/// Refuses a body that says that it is too long.
pub(super) async fn declared(
    headers: &HeaderMap,
    body: &mut Body,
    limit: u64,
) -> Result<(), Problem> {
    if length(headers).is_none_or(|l| l <= limit) {
        return Ok(());
    }
    linger(body).await;
    Err(Problem::too_large(limit))
}

/// The same of a file, which must find room, too.
pub(super) async fn fits(
    headers: &HeaderMap,
    body: &mut Body,
    around: u64,
    service: &Service,
) -> Result<(), Problem> {
    declared(headers, body, service.settings.upload_bytes.saturating_add(around)).await?;
    let room = service.disk.room(length(headers).unwrap_or(0));
    if room.is_err() {
        linger(body).await;
    }
    room
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
pub(super) async fn receive(
    headers: &HeaderMap,
    mut body: Body,
    to: &Path,
    service: &Service,
) -> Result<u64, Problem> {
    fits(headers, &mut body, 0, service).await?;
    let receive = async {
        let mut sink = Sink::create(to, service).await?;
        while let Some(data) = next(&mut body).await? {
            sink.write(&data).await?;
        }
        sink.finish().await
    };
    tokio::time::timeout(service.settings.upload_time, receive).await.map_err(|_| slow())?
}

/// Receives a body that is small enough to be held.
pub(super) async fn bytes(
    headers: &HeaderMap,
    mut body: Body,
    limit: u64,
) -> Result<Vec<u8>, Problem> {
    declared(headers, &mut body, limit).await?;
    let mut out = Vec::new();
    while let Some(data) = next(&mut body).await? {
        if (out.len() + data.len()) as u64 > limit {
            return Err(Problem::too_large(limit));
        }
        out.extend_from_slice(&data);
    }
    Ok(out)
}

/// Receives a JSON body.
pub(super) async fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Problem> {
    let bytes = bytes(headers, body, JSON).await?;
    serde_json::from_slice(&bytes)
        .map_err(|e| Problem::bad(format!("the body is not the JSON that is asked for: {e}")))
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_of_others_give_an_ending_at_most() {
        for (name, kept) in [
            ("a clip.MP4", "upload.mp4"),
            ("../../etc/passwd", "upload"),
            ("x.tar/../y", "upload"),
            ("a.c2pa", "upload"),
            ("a.m\u{e9}", "upload"),
            ("", "upload"),
        ] {
            assert_eq!(file_name(name), kept);
        }
    }
}
