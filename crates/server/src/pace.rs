//! How fast clients move what they send and read: whoever holds a place without using it gives it
//! up.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Sleep;

/// Bytes a second below which a client is too slow: a telephone with a bad signal sends and reads
/// more.
const RATE: f64 = 2048.0;
/// How long a client that moves nothing is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// The same where others want its place.
const CROWDED: Duration = Duration::from_secs(2);

/// How much patience there is left with a client: it runs out while the client is waited for, and
/// every byte that is moved brings some back.
#[derive(Debug)]
pub(crate) struct Pulse {
    turn: Mutex<Turn>,
    evicted: Notify,
}

#[derive(Debug)]
struct Turn {
    /// Whether a request is being answered here, so that what is not sent is not missed.
    ours: bool,
    /// Seconds of patience that were left when it was last counted.
    left: f64,
    /// Since when the client is waited for, if it is.
    since: Option<Instant>,
}

impl Turn {
    fn new(ours: bool) -> Self {
        Self { ours, left: PATIENCE.as_secs_f64(), since: None }
    }

    fn left(&self) -> f64 {
        self.left - self.since.map_or(0.0, |since| since.elapsed().as_secs_f64())
    }
}

impl Default for Pulse {
    fn default() -> Self {
        Self { turn: Mutex::new(Turn::new(false)), evicted: Notify::new() }
    }
}

impl Pulse {
    fn turn(&self) -> std::sync::MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has come, and is looked at here.
    pub(super) fn ours(&self) {
        *self.turn() = Turn::new(true);
    }

    /// It is answered, and the client's turn to read that, or to ask again.
    pub(super) fn theirs(&self) {
        *self.turn() = Turn::new(false);
    }

    fn moved(&self, bytes: usize) {
        let mut turn = self.turn();
        turn.left = (turn.left() + bytes as f64 / RATE).min(PATIENCE.as_secs_f64());
        turn.since = None;
    }

    fn wait(&self) {
        self.turn().since.get_or_insert_with(Instant::now);
    }

    fn is_exhausted(&self) -> bool {
        self.turn().left() <= 0.0
    }

    /// The patience that is left with a client that is waited for, if that is little enough to give
    /// its place to others.
    pub(super) fn idle(&self) -> Option<f64> {
        let turn = self.turn();
        let left = turn.since.map(|_| turn.left())?;
        (left <= (PATIENCE - CROWDED).as_secs_f64()).then_some(left)
    }

    /// Asks whoever holds the connection to end it.
    pub(super) fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Waits to be asked for that.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

/// A connection that takes note of what it moves, and ends when its client reads too slowly.
pub(super) struct Paced<S> {
    inner: S,
    pulse: Arc<Pulse>,
    /// When a client that reads nothing is looked at again.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub(super) fn new(inner: S, pulse: Arc<Pulse>) -> Self {
        Self { inner, pulse, alarm: None }
    }

    /// What to do about a write that took so much, or nothing yet.
    fn written(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(n)) = &written {
            self.pulse.moved(*n);
            self.alarm = None;
        } else if written.is_pending() {
            self.pulse.wait();
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)));
            if alarm.as_mut().poll(context).is_ready() || self.pulse.is_exhausted() {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the client reads too slowly",
                )));
            }
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        // While a request is answered here nothing need come; its body says itself when it is
        // waited for.
        if !self.pulse.turn().ours {
            if polled.is_pending() {
                self.pulse.wait()
            } else {
                self.pulse.moved(buffer.filled().len() - before)
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, buffer);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, buffers);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// A body that came too slowly.
#[derive(Debug)]
pub(super) struct TooSlow;

impl std::fmt::Display for TooSlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body comes too slowly")
    }
}

impl std::error::Error for TooSlow {}

/// A body that takes note of how it comes, and ends when it comes too slowly.
pub(super) struct PacedBody {
    inner: Incoming,
    pulse: Arc<Pulse>,
}

impl PacedBody {
    pub(super) fn new(inner: Incoming, pulse: Arc<Pulse>) -> Self {
        Self { inner, pulse }
    }
}

impl HttpBody for PacedBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if polled.is_pending() {
            self.pulse.wait();
        }
        let frame = ready!(polled).transpose()?;
        self.pulse.moved(frame.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len));
        if frame.is_some() && self.pulse.is_exhausted() {
            return Poll::Ready(Some(Err(TooSlow.into())));
        }
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
impl Pulse {
    /// One that was waited for so many seconds.
    pub(super) fn idle_for(seconds: f64) -> Self {
        let pulse = Self::default();
        pulse.wait();
        pulse.turn().left -= seconds;
        pulse
    }

    /// Whether it was asked to end.
    pub(super) fn is_evicted(&self) -> bool {
        std::pin::pin!(self.evicted.notified())
            .poll(&mut Context::from_waker(std::task::Waker::noop()))
            .is_ready()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pulse: &Pulse, seconds: f64) {
        let mut turn = pulse.turn();
        turn.left -= seconds;
    }

    #[test]
    fn patience_runs_out_while_nothing_moves_and_comes_back_with_what_does() {
        let pulse = Pulse::default();
        assert!(!pulse.is_exhausted() && pulse.idle().is_none(), "nobody is waited for");
        pulse.wait();
        after(&pulse, 3.0);
        assert!(pulse.idle().is_some_and(|left| left < 12.1) && !pulse.is_exhausted());
        pulse.moved(2 * RATE as usize);
        pulse.wait();
        assert!(pulse.idle().is_none(), "it moves");
        after(&pulse, 15.0);
        pulse.moved(1);
        assert!(pulse.is_exhausted(), "a byte is not enough");
        pulse.moved(1 << 30);
        pulse.wait();
        after(&pulse, 15.0);
        assert!(pulse.is_exhausted(), "and much is no credit for later");
        pulse.ours();
        assert!(!pulse.is_exhausted() && pulse.idle().is_none());
    }
}
