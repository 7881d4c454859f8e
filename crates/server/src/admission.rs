//! How often one network may ask, and how much work may wait.

use std::net::IpAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::caller::Caller;
use super::places::{Full, Place, Places};
use super::upload::linger;
use super::{Problem, Settings, Shared};

/// How long a file waits for a place to be received: those that move nothing lose theirs sooner.
const WAIT: Duration = Duration::from_secs(3);
/// Between two looks for one.
const AGAIN: Duration = Duration::from_millis(200);
/// Requests after which networks that have not asked lately are forgotten.
const FORGET: u64 = 10_000;

/// All of these limits.
pub(super) struct Admission {
    rate: Option<DefaultKeyedRateLimiter<IpAddr>>,
    asked: AtomicU64,
    /// For files that are received: who sends too slowly makes room.
    coming: Arc<Places>,
    /// For files that wait, or are looked at.
    files: Arc<Places>,
}

/// A place for a file that is received.
pub(super) struct Coming {
    _place: Place,
    files: Arc<Places>,
    network: IpAddr,
}

impl Coming {
    /// The file is there: a place among those that are looked at, free again when it is dropped.
    pub(super) fn whole(self) -> Result<Place, Problem> {
        self.files.enter(Some(self.network), &Arc::default()).map_err(full)
    }
}

fn full(full: Full) -> Problem {
    match full {
        Full::All => Problem::busy(
            StatusCode::SERVICE_UNAVAILABLE,
            "all places for files are taken; try again later",
            5,
        ),
        Full::Each => Problem::busy(
            StatusCode::TOO_MANY_REQUESTS,
            "this address has as many files here as it may; send the next when one is done",
            5,
        )
        .coded("limit.files"),
    }
}

impl Admission {
    pub(super) fn new(settings: &Settings) -> Self {
        let rate = NonZero::new(settings.rate).map(|rate| {
            RateLimiter::keyed(
                Quota::per_second(rate)
                    .allow_burst(rate.saturating_mul(NonZero::<u32>::MIN.saturating_add(1))),
            )
        });
        let places = || Places::new(settings.jobs + settings.queue, settings.files_each);
        Self { rate, asked: AtomicU64::new(0), coming: places(), files: places() }
    }

    /// A place for a file that is about to come. Where none is left, those that do not use theirs
    /// are waited for.
    pub(super) async fn enter(&self, caller: &Caller) -> Result<Coming, Problem> {
        let until = Instant::now() + WAIT;
        loop {
            // It would be received for nothing.
            if self.files.left() == 0 {
                return Err(full(Full::All));
            }
            match self.coming.enter(Some(caller.network), &caller.pulse) {
                Ok(place) => {
                    return Ok(Coming {
                        _place: place,
                        files: self.files.clone(),
                        network: caller.network,
                    });
                }
                Err(e) if Instant::now() >= until => return Err(full(e)),
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    /// A place for a file that an earlier server received.
    pub(super) fn again(&self) -> Result<Place, Problem> {
        self.files.enter(None, &Arc::default()).map_err(full)
    }

    /// Places that are left.
    pub(super) fn left(&self) -> usize {
        self.files.left().min(self.coming.left())
    }

    fn pass(&self, network: IpAddr) -> Result<(), Problem> {
        let Some(rate) = &self.rate else { return Ok(()) };
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET == FORGET - 1 {
            rate.retain_recent();
        }
        rate.check_key(&network).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
            Problem::busy(
                StatusCode::TOO_MANY_REQUESTS,
                "too many requests from this address; ask more slowly",
                wait,
            )
        })
    }
}

/// Lets a request through, or not.
pub(super) async fn rate(
    State(service): Shared,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    match service.admission.pass(caller.network) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            linger(&mut request.into_body()).await;
            refusal.into_response()
        }
    }
}
