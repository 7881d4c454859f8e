//! Clips that come in: from the form, from an address, from before the server was started; and the
//! work on them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::caller::Caller;
use super::super::form::{self, Kind};
use super::super::places::Place;
use super::super::{Problem, Service, Shared, reference};
use super::reports::About;
use super::session::{Viewer, Visitor};
use super::text::Text;
use super::{Fields, told, wants};

pub(super) async fn submit(
    State(service): Shared,
    Viewer(visitor): Viewer,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let plain = wants(request.headers(), "application/json");
    let received = receive(&service, &caller, request).await;
    begun(&visitor, received, plain)
}

/// Where the report of what was received is made.
fn begun(visitor: &Visitor, received: Result<String, Problem>, plain: bool) -> Response {
    match received {
        Ok(id) if plain => Json(json!({"id": id, "at": format!("/reports/{id}")})).into_response(),
        Ok(id) => Redirect::to(&format!("/reports/{id}")).into_response(),
        Err(refusal) if plain => refusal.into_response(),
        Err(refusal) => told(visitor, refusal),
    }
}

async fn receive(
    service: &Arc<Service>,
    caller: &Caller,
    request: Request,
) -> Result<String, Problem> {
    if form::kind(request.headers()) != Kind::Form {
        return Err(Problem::bad("this is not the form of this page; choose a clip there"));
    }
    let coming = service.admission.enter(caller).await?;
    let draft = |name: Option<&str>| {
        service
            .reports
            .draft(name.ok_or_else(|| Problem::bad("no clip was chosen; choose one first"))?)
    };
    let draft = form::receive(request, service, Some("clip"), draft).await?;
    let place = coming.whole()?;
    let about = draft.keep()?;
    let id = about.id.clone();
    work(service, about, place);
    Ok(id)
}

#[derive(Deserialize)]
pub(super) struct Address {
    address: String,
}

pub(super) async fn by_address(
    State(service): Shared,
    Viewer(visitor): Viewer,
    Extension(caller): Extension<Caller>,
    Fields(asked): Fields<Address>,
) -> Response {
    let fetched = async {
        let coming = service.admission.enter(&caller).await?;
        service.disk.room(service.settings.upload_bytes)?;
        let address = asked.address.trim();
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let name: String =
            path.rsplit('/').next().unwrap_or_default().chars().take(form::NAME).collect();
        let draft = service.reports.draft(&name)?;
        reference::fetch(
            address.into(),
            reference::Length::AtMost(service.settings.upload_bytes),
            draft.as_ref(),
            &service.settings,
        )
        .await?;
        let place = coming.whole()?;
        let about = draft.keep()?;
        let id = about.id.clone();
        work(&service, about, place);
        Ok(id)
    };
    let fetched = fetched.await;
    begun(&visitor, fetched, false)
}

/// Looks at a kept clip while others come and go.
fn work(service: &Arc<Service>, about: About, place: Place) {
    let mut order = service.order();
    order.options.glimpse = true;
    let work = service.reports.begin(&about.id, order.number(), order.cancel.clone());
    // No more are kept than may be, whenever one comes.
    service.reports.sweep();
    let (id, service) = (about.id.clone(), service.clone());
    let reports = service.clone();
    let task = tokio::spawn(async move {
        let _place = place;
        let verified = service
            .examine(about.path.clone(), &about.name, order, move |stage| work.reach(stage))
            .await;
        if service.examiner.is_stopped() {
            // It is taken up again when the server starts.
            return;
        }
        let written = match verified.and_then(|v| Ok((said(&about, &v)?, v))) {
            Ok((all, v)) => service.reports.finish(
                &about.id,
                &all,
                v.detected.as_ref().and_then(|d| d.stills.as_ref()),
            ),
            Err(refusal) => service.reports.refuse(&about.id, refusal.message()),
        };
        if let Err(e) = written {
            log::error!("{e:#}");
        }
    });
    reports.reports.made_by(&id, task.abort_handle());
}

/// A report in every language.
fn said(
    about: &About,
    verified: &proofmark::Verified,
) -> Result<Vec<(proofmark::Language, Value)>, Problem> {
    let one = |(language, _)| {
        Ok((
            language,
            proofmark::report::verify(std::path::Path::new(&about.name), verified, language)
                .map_err(|e| Problem::broken(&e))?,
        ))
    };
    Text::LANGUAGES.into_iter().map(one).collect()
}

/// Takes up what an earlier server did not finish.
pub(in super::super) async fn resume(service: &Arc<Service>) {
    for about in service.reports.unfinished() {
        match service.admission.again() {
            Ok(place) => work(service, about, place),
            Err(_) => break,
        }
    }
}
