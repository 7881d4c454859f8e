//! A web form → the one file in it, bounded in size and time as a body is.

use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest as _, Request};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use hyper::body::Frame;

use super::upload::{Sink, fits, is_slow, linger, patiently, slow};
use super::{Problem, Service};

/// Bytes that may come before a part begins: its head, and what is left of the part before.
const HEAD: u64 = 64 << 10;
/// Bytes of all parts that are no file.
const AROUND: u64 = 1 << 20;
/// Parts of a form.
const PARTS: usize = 100;
/// Characters of a file's name that are kept.
pub(super) const NAME: usize = 200;

/// What a body is, by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file, as far as the type tells: who sends one says anything, or nothing.
    File,
    /// A form that can hold a file.
    Form,
    /// Parts of which none is the file.
    Parts,
    /// The fields of a form without files, if it is that: some clients say so of a file's bytes,
    /// `curl --data-binary` among them.
    Fields,
}

/// What the body is that such headers announce.
pub(super) fn kind(headers: &HeaderMap) -> Kind {
    let told =
        headers.get(CONTENT_TYPE).map(|v| v.as_bytes().to_ascii_lowercase()).unwrap_or_default();
    let essence = told.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
    match essence.strip_prefix(b"multipart/") {
        Some(b"form-data") => Kind::Form,
        Some(_) => Kind::Parts,
        None if essence == b"application/x-www-form-urlencoded" => Kind::Fields,
        None => Kind::File,
    }
}

/// Refuses a body that is neither a file nor a form with one, and takes in some of it: who is still
/// sending may never see the answer.
pub(super) async fn refuse(request: Request) -> Problem {
    linger(&mut request.into_body()).await;
    unfit()
}

/// What is told whoever sends that.
pub(super) fn unfit() -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "this is no file; send its bytes as the body, or one file as multipart/form-data",
    )
}

/// Receives the file of a form, with `field` only that of this name. `place` is given the file's
/// name, if it has one, and says where it goes.
pub(super) async fn receive<T>(
    request: Request,
    service: &Service,
    field: Option<&str>,
    place: impl FnOnce(Option<&str>) -> Result<T, Problem>,
) -> Result<T, Problem>
where
    T: AsRef<Path>,
{
    let (parts, mut body) = request.into_parts();
    fits(&parts.headers, &mut body, AROUND, service).await?;
    let source = Arc::new(Mutex::new(body));
    let ahead = Arc::new(AtomicU64::new(HEAD));
    let metered = Metered { body: source.clone(), ahead: ahead.clone(), rest: false };
    let no_form = |_| {
        Problem::bad(
            "the form's Content-Type has no boundary that can be used; let the client set it, as \
            curl -F and FormData do",
        )
    };
    let form = Multipart::from_request(Request::from_parts(parts, Body::new(metered)), &())
        .await
        .map_err(no_form);
    let late = |_| {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "the upload takes too long; send a shorter clip")
    };
    let received = match form {
        Ok(form) => tokio::time::timeout(
            service.settings.upload_time,
            one_file(form, &ahead, service, field, place),
        )
        .await
        .map_err(late)
        .flatten(),
        Err(refusal) => Err(refusal),
    };
    if let Some(body) = Arc::into_inner(source).filter(|_| received.is_err()) {
        linger(&mut body.into_inner().unwrap_or_else(PoisonError::into_inner)).await;
    }
    received
}

async fn one_file<T: AsRef<Path>>(
    mut form: Multipart,
    ahead: &AtomicU64,
    service: &Service,
    wanted: Option<&str>,
    place: impl FnOnce(Option<&str>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let mut place = Some(place);
    let mut found = None;
    let mut around = 0;
    for _ in 0..PARTS {
        ahead.store(HEAD, Ordering::Relaxed);
        let Some(mut part) = patiently(form.next_field()).await?.map_err(|e| broken(&e))? else {
            return found.ok_or_else(|| {
                Problem::bad(
                    "there is no file in the form; send one in a \
                part with a filename, as curl -F file=@clip.mp4 does",
                )
            });
        };
        ahead.store(u64::MAX, Ordering::Relaxed);
        let Some(name) = file_name(&part).filter(|_| wanted.is_none_or(|w| part.name() == Some(w)))
        else {
            skip(&mut part, &mut around).await?;
            continue;
        };
        let Some(place) = place.take() else {
            return Err(Problem::bad("there are several files in the form; send one at a time"));
        };
        let name = Some(name.as_str()).filter(|n| !n.is_empty());
        let kept = place(name)?;
        let mut sink = Sink::create(kept.as_ref(), service).await?;
        while let Some(bytes) = patiently(part.chunk()).await?.map_err(|e| broken(&e))? {
            sink.write(&bytes).await?;
        }
        sink.finish_or(if name.is_some() {
            "the file in the form is empty; send its bytes"
        } else {
            "no file was chosen; choose one first"
        })
        .await?;
        found = Some(kept);
    }
    Err(Problem::bad(format!("the form has more than {PARTS} parts; send the file alone")))
}

fn broken(e: &MultipartError) -> Problem {
    if is_slow(e) {
        return slow();
    }
    Problem::bad(format!(
        "the form cannot be read to its end ({}); send it again, whole",
        e.body_text().replace(['\r', '\n'], " ")
    ))
}

/// Passes over a part that is no file, of which `around` bytes came before.
async fn skip(part: &mut Field<'_>, around: &mut u64) -> Result<(), Problem> {
    while let Some(bytes) = patiently(part.chunk()).await?.map_err(|e| broken(&e))? {
        *around += bytes.len() as u64;
        if *around > AROUND {
            return Err(Problem::bad(
                "what stands around the file in the form is too long; send the file in a part \
                with a filename, and little else",
            ));
        }
    }
    Ok(())
}

/// What the file in a part is called, without folders: empty if it has no name, `None` if the part
/// holds none.
fn file_name(part: &Field<'_>) -> Option<String> {
    let disposition = part
        .headers()
        .get(CONTENT_DISPOSITION)
        .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
        .unwrap_or_default();
    let named = part.file_name().map(str::to_string).or_else(|| extended(&disposition));
    // Some clients name no file, and say of what kind it is.
    let typed = || {
        part.content_type().filter(|t| {
            ["video/", "audio/", "image/", "application/octet-stream", "application/mp4"]
                .iter()
                .any(|kind| t.starts_with(kind))
        })
    };
    let name = named.or_else(|| typed().map(|_| String::new()))?;
    Some(name.rsplit(['/', '\\']).next().unwrap_or_default().chars().take(NAME).collect())
}

/// The name in a parameter `filename*` (RFC 5987), which some clients send for letters beyond
/// ASCII.
fn extended(disposition: &str) -> Option<String> {
    let (_, value) = disposition.split_once("filename*=")?;
    // Behind the character set and the language.
    let encoded = value.split(';').next()?.trim().splitn(3, '\'').nth(2)?;
    let mut bytes = Vec::new();
    let mut rest = encoded.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after
            .first_chunk::<2>()
            .filter(|_| *first == b'%')
            .and_then(|d| u8::from_str_radix(std::str::from_utf8(d).ok()?, 16).ok());
        bytes.push(digits.unwrap_or(*first));
        rest = if digits.is_some() { &after[2..] } else { after };
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A body of which no more is handed on than is looked at: the form's reader keeps everything that
/// it is given until a part's head is whole.
struct Metered {
    body: Arc<Mutex<Body>>,
    /// Bytes that may still come.
    ahead: Arc<AtomicU64>,
    /// Whether the reader is to look at what it has before it takes more.
    rest: bool,
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if std::mem::take(&mut self.rest) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.ahead.load(Ordering::Relaxed) == 0 {
            return Poll::Ready(Some(Err("the head of a part is too long".into())));
        }
        let polled = Pin::new(&mut *self.body.lock().unwrap_or_else(PoisonError::into_inner))
            .poll_frame(context);
        let Some(frame) = ready!(polled) else { return Poll::Ready(None) };
        let frame = frame.map_err(axum::BoxError::from)?;
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        let _ = self.ahead.try_update(Ordering::Relaxed, Ordering::Relaxed, |ahead| {
            Some(if ahead == u64::MAX { ahead } else { ahead.saturating_sub(bytes) })
        });
        self.rest = true;
        Poll::Ready(Some(Ok(frame)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_told_apart_by_their_types() {
        let of = |told: &str| kind(&HeaderMap::from_iter([(CONTENT_TYPE, told.parse().unwrap())]));
        assert_eq!(of("Multipart/Form-Data; boundary=x"), Kind::Form);
        assert_eq!(
            (of("multipart/mixed; boundary=x"), of("multipart/related")),
            (Kind::Parts, Kind::Parts)
        );
        assert_eq!(
            (of("video/mp4"), of("text/html"), kind(&HeaderMap::new())),
            (Kind::File, Kind::File, Kind::File)
        );
        assert_eq!(of("application/x-www-form-urlencoded; charset=utf-8"), Kind::Fields);
    }

    #[test]
    fn names_beyond_ascii_are_read() {
        assert_eq!(
            extended("form-data; name=\"f\"; filename*=utf-8''caf%C3%A9%20%zz.mp4").as_deref(),
            Some("caf\u{e9} %zz.mp4")
        );
        assert_eq!(extended("form-data; filename*=UTF-8'en'a.mp4; x=y").as_deref(), Some("a.mp4"));
        assert_eq!(
            (extended("form-data; filename*=x"), extended("form-data; name=x")),
            (None, None)
        );
    }
}
