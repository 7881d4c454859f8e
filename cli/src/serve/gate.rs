//! How often one address may ask, and how much work may wait.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Refusal, Settings, Shared};

/// Requests after which addresses that have not asked lately are forgotten.
const FORGET: u64 = 10_000;

/// Both limits.
pub(super) struct Gate {
    rate: Option<DefaultKeyedRateLimiter<IpAddr>>,
    asked: AtomicU64,
    places: Arc<Semaphore>,
}

impl Gate {
    pub(super) fn new(settings: &Settings) -> Self {
        let rate = NonZero::new(settings.rate).map(|rate| RateLimiter::keyed(Quota::per_second(rate).allow_burst(rate.saturating_mul(NonZero::<u32>::MIN.saturating_add(1)))));
        Self { rate, asked: AtomicU64::new(0), places: Arc::new(Semaphore::new(settings.jobs + settings.queue)) }
    }

    /// A place among the files that are received, wait, or are looked at; it is free again when it is dropped.
    pub(super) fn enter(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let full = |_| Refusal::busy(StatusCode::SERVICE_UNAVAILABLE, "all places for files are taken; try again later", 5);
        self.places.clone().try_acquire_owned().map_err(full)
    }

    /// Places that are left.
    pub(super) fn left(&self) -> usize {
        self.places.available_permits()
    }

    fn pass(&self, address: IpAddr) -> Result<(), Refusal> {
        let Some(rate) = &self.rate else { return Ok(()) };
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET == FORGET - 1 {
            rate.retain_recent();
        }
        // A whole network of version 6 addresses is easily one machine's.
        let network = match address.to_canonical() {
            IpAddr::V6(a) => IpAddr::V6((u128::from(a) & !u128::from(u64::MAX)).into()),
            v4 @ IpAddr::V4(_) => v4,
        };
        rate.check_key(&network).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
            Refusal::busy(StatusCode::TOO_MANY_REQUESTS, "too many requests from this address; ask more slowly", wait)
        })
    }
}

/// Lets a request through, or not.
pub(super) async fn rate(State(service): Shared, ConnectInfo(from): ConnectInfo<SocketAddr>, request: Request, next: Next) -> Response {
    match service.gate.pass(from.ip()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}
