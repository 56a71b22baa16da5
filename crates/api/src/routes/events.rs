//! Everything that happens, in order and without gaps: as a stream (server-sent events) or page by page.

use crate::app::{App, Shared};
use crate::auth::Caller;
use crate::body::Query;
use crate::view::{EventNames, EventView};
use crate::{Problem, Scope, reply};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use tokengine_core::{Event, KeyIx, PayoutId, Position, Record, State as Engine, Time, TransferId};
use tokengine_engine::Feed;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;

/// Events, and where to go on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"events": [], "next": "42"}))]
pub struct EventsView {
    /// In order, without gaps.
    pub events: Vec<EventView>,
    /// Ask with `?after=` for what follows.
    pub next: String,
}

/// Everything that happens.
///
/// With `Accept: text/event-stream` it never ends; `Last-Event-ID` or `?after=` says where it begins, else it begins
/// now. Otherwise one page, with `?wait=` as soon as there is something.
#[utoipa::path(get, path = "/v1/events", tag = "events",
    params(("after" = Option<String>, Query, description = "An event's id"), ("limit" = Option<u16>, Query),
        ("wait" = Option<String>, Query, description = "Such as 10s"), ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, content((EventsView = "application/json"), (EventView = "text/event-stream")))))]
pub(super) async fn follow(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, Problem> {
    let key = caller.need(Scope::EVENTS_READ)?.ix;
    let wait = query.wait(app.limits.longest_wait)?;
    let limit = query.parse::<u16>("limit", "a whole number from 1 to 200")?.unwrap_or(50);
    let mut after = query.parse::<u64>("after", "an event's id")?;
    query.finish()?;
    if limit == 0 || limit > 200 {
        return Err(Problem::field("?limit", "parameter-invalid", "must be a whole number from 1 to 200"));
    }
    if let Some(last) = headers.get("last-event-id") {
        let wrong = || Problem::field("Last-Event-ID", "parameter-invalid", "must be an event's id");
        after = Some(
            last.to_str()
                .ok()
                .filter(|last| !last.starts_with('+'))
                .and_then(|last| last.parse().ok())
                .ok_or_else(wrong)?,
        );
    }
    let durable = app.durable();
    if after.is_some_and(|after| after > durable.0) {
        let text = format!("the newest event is {durable}: this journal has never been that far");
        return Err(Problem::field("?after", "event-unknown", text));
    }
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/event-stream") {
        let after = after.map_or(durable, Position);
        return stream(&app, key, after);
    }
    let after = Position(after.unwrap_or(0));
    let mut feed = app.engine.feed(after);
    let first = tokio::task::spawn_blocking(move || feed.ready(limit.into()).map(|records| (records, feed))).await;
    let (mut records, mut feed) = first.map_err(|error| Problem::internal(&error))??;
    if records.is_empty()
        && let Some(wait) = wait
        && let Ok(more) = tokio::time::timeout(wait, feed.next(limit.into())).await
    {
        records = more?;
    }
    let next = records.last().map_or(after, |(position, _)| *position).to_string();
    reply::ok(&EventsView { events: views(&app, &records).await?, next })
}

/// Events as they go out, with everything named.
pub(crate) async fn views(app: &App, records: &[(Position, Record)]) -> Result<Vec<EventView>, Problem> {
    let directory = app.directory().await?;
    let mut names = EventNames::default();
    for (_, record) in records {
        // The events that give ids their times are often on the same page as those that need them.
        match &record.event {
            Event::PayoutHeld { payout, .. } | Event::PayoutSettledInside { payout, .. } => {
                names.payouts.insert(*payout, record.at);
            }
            Event::TransferRequested { transfer, .. } => {
                names.transfers.insert(*transfer, record.at);
            }
            _ => {}
        }
    }
    for (position, record) in records {
        names.view(*position, record, &directory);
    }
    let missing = std::mem::take(&mut *names.missing.borrow_mut());
    names.named = app.named(missing.accounts, missing.wallets).await?;
    let (payouts, transfers) = times(app, missing.payouts, missing.transfers).await?;
    names.payouts.extend(payouts);
    names.transfers.extend(transfers);
    Ok(records.iter().map(|(position, record)| names.view(*position, record, &directory)).collect())
}

type Times<K> = Vec<(K, Time)>;

/// When payouts and transfers were asked for: from the state while they are open, else from the read model.
async fn times(
    app: &App,
    payouts: std::collections::HashSet<PayoutId>,
    transfers: std::collections::HashSet<TransferId>,
) -> Result<(Times<PayoutId>, Times<TransferId>), Problem> {
    if payouts.is_empty() && transfers.is_empty() {
        return Ok(Default::default());
    }
    let ask = move |state: &Engine| {
        let (mut found, mut rest) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        for id in payouts {
            match state.payout(id) {
                Some(row) => found.0.push((id, row.held_at)),
                None => rest.0.push(id),
            }
        }
        for id in transfers {
            match state.transfer(id) {
                Some(row) => found.1.push((id, row.at)),
                None => rest.1.push(id),
            }
        }
        (found, rest)
    };
    let (mut found, rest) = app.engine.query(ask).await?;
    if !rest.0.is_empty() || !rest.1.is_empty() {
        let read = move |reader: &tokengine_store::Reader| {
            let mut more = (Vec::new(), Vec::new());
            for id in rest.0 {
                more.0.extend(reader.payout(id)?.map(|story| (id, story.payout.held_at)));
            }
            for id in rest.1 {
                more.1.extend(reader.transfer(id)?.map(|row| (id, row.requested_at)));
            }
            Ok(more)
        };
        let more = app.reads.run(read).await?;
        found.0.extend(more.0);
        found.1.extend(more.1);
    }
    Ok(found)
}

struct Stream {
    app: Shared,
    key: KeyIx,
    feed: Feed,
    ready: VecDeque<EventView>,
    _place: OwnedSemaphorePermit,
    _open: Open,
}

/// Counts a stream while it is open.
struct Open(Shared);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.streams.dec();
    }
}

fn stream(app: &Shared, key: KeyIx, after: Position) -> Result<Response, Problem> {
    let place = app.streams.clone().try_acquire_owned().map_err(|_| Problem::rate_limited(5))?;
    app.metrics.streams.inc();
    let (feed, ready) = (app.engine.feed(after), VecDeque::new());
    let start = Stream { app: app.clone(), key, feed, ready, _place: place, _open: Open(app.clone()) };
    let events = stream::unfold(start, |mut stream| async move {
        while stream.ready.is_empty() {
            let records = stream.feed.next(256).await.ok()?;
            if is_revoked(&stream.app, stream.key).await? {
                return None;
            }
            stream.ready.extend(views(&stream.app, &records).await.ok()?);
        }
        let event = stream.ready.pop_front()?;
        let data = serde_json::to_string(&event).ok()?;
        let sent = Sent::default().id(event.id).event(event.r#type).data(data);
        Some((Ok::<_, Infallible>(sent), stream))
    });
    // Behind proxies that hold answers back, a stream would come in lumps.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];
    let alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok((unbuffered, Sse::new(events).keep_alive(alive)).into_response())
}

/// A key that was revoked sees nothing more. `None` when the engine has ended.
async fn is_revoked(app: &App, key: KeyIx) -> Option<bool> {
    app.engine.query(move |state| state.key(key).is_none_or(|row| row.revoked)).await.ok()
}
