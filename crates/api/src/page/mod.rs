//! The operator's page: what the networks, wallets, tokens and payments are doing, live. It is rendered here; the
//! script only fetches it again when something has changed, and nothing comes from anywhere else.

mod parts;
mod problems;
mod session;

use crate::app::{App, Shared};
use crate::directory::Directory;
use crate::read::{deposit_row, payout_row};
use crate::routes::operator;
use crate::view::{BookView, DepositView, NetworkView, WalletView, WithdrawalView, WorkItem, work};
use crate::{NetworkStatus, Problem};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use maud::Markup;
use std::convert::Infallible;
use std::time::Duration;
use tokengine_core::Time;
use tokengine_store::{DepositFilter, Page, PayoutFilter, Reader};

/// So many of the newest deposits and withdrawals are shown.
const SHOWN: u16 = 25;
/// Without any event, the page is fetched again this often: heads of networks move by themselves.
const IDLE: Duration = Duration::from_secs(3);
/// With many events, not more often than this.
const BUSY: Duration = Duration::from_millis(500);

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page and what belongs to it.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(page))
        .route("/login", post(session::login))
        .route("/logout", post(session::logout))
        .route("/problems", get(problems::list))
        .route("/problems/{code}", get(problems::one))
        .route("/page/main", get(fragment))
        .route("/page/events", get(changes))
        .route("/assets/app.css", get(|| asset(include_str!("../../assets/app.css"), "text/css; charset=utf-8")))
        .route("/assets/app.js", get(|| asset(include_str!("../../assets/app.js"), "text/javascript; charset=utf-8")))
        .route("/assets/icon.svg", get(|| asset(include_str!("../../assets/icon.svg"), "image/svg+xml")))
}

async fn asset(text: &'static str, kind: &'static str) -> Response {
    // A short time, as the next release may bring others under the same name.
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, text).into_response()
}

fn html(status: StatusCode, markup: Markup) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    (status, headers, markup.into_string()).into_response()
}

/// Everything the page shows, as of one moment.
pub(super) struct Shown {
    pub(super) networks: Vec<(NetworkView, Option<NetworkStatus>)>,
    pub(super) books: Vec<BookView>,
    pub(super) wallets: Vec<WalletView>,
    pub(super) work: Vec<WorkItem>,
    pub(super) deposits: Vec<DepositView>,
    pub(super) withdrawals: Vec<WithdrawalView>,
    pub(super) paused: bool,
    pub(super) position: u64,
    pub(super) at: Time,
    /// The read model could not be asked: deposits and withdrawals are missing.
    pub(super) behind: bool,
}

async fn look(app: &App) -> Result<Shown, Problem> {
    let now = (app.clock)();
    let ask = move |state: &tokengine_core::State| {
        let directory = Directory::of(state);
        let books = operator::books(state, &directory)?;
        let wallets = operator::wallets(state, &directory)?;
        let work = work(state, &directory, now)?;
        Ok::<_, Problem>((state.position(), directory, books, wallets, work))
    };
    let (position, directory, books, wallets, work) = app.engine.query(ask).await??;
    let network = |row: &crate::directory::NetworkEntry| {
        let seen = app.networks.status(&row.id);
        (NetworkView::new(row, seen.clone(), now), seen)
    };
    let networks = directory.networks.iter().map(network).collect();
    let payments = payments(app).await;
    let behind = payments.is_err();
    let (deposits, withdrawals) = payments.unwrap_or_default();
    let (paused, position) = (directory.paused, position.0);
    Ok(Shown { networks, books, wallets, work, deposits, withdrawals, paused, position, at: now, behind })
}

async fn payments(app: &App) -> Result<(Vec<DepositView>, Vec<WithdrawalView>), Problem> {
    let read = |reader: &Reader| {
        let mut deposits = Vec::new();
        for deposit in reader.deposits(&DepositFilter::default(), &Page::first(SHOWN))?.items {
            let history = reader.deposit_history(deposit.fingerprint)?;
            deposits.push(deposit_row(deposit, history));
        }
        let mut payouts = Vec::new();
        for payout in reader.payouts(&PayoutFilter::default(), &Page::first(SHOWN))?.items {
            if let Some(story) = reader.payout(payout.id)? {
                payouts.push(payout_row(story, None));
            }
        }
        Ok((deposits, payouts))
    };
    let (deposits, payouts) = app.reads.now(read).await?;
    let (directory, deposits) = app.deposit_views(deposits).await?;
    let names = app.named(payouts.iter().map(|row| row.account).collect::<Vec<_>>(), []).await?;
    let now = (app.clock)();
    let view = |row: &crate::view::PayoutRow| row.view(&directory, &names, Some(&*app.networks), now);
    Ok((deposits, payouts.iter().map(view).collect::<Result<_, _>>()?))
}

async fn page(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    match session::visitor(&app, &headers).await? {
        session::Visitor::Nobody => Ok(html(StatusCode::OK, parts::login(None))),
        visitor => Ok(html(StatusCode::OK, parts::page(&look(&app).await?, visitor == session::Visitor::SignedIn))),
    }
}

async fn fragment(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    match session::visitor(&app, &headers).await? {
        session::Visitor::Nobody => Err(Problem::unauthenticated()),
        _ => Ok(html(StatusCode::OK, parts::main(&look(&app).await?))),
    }
}

/// Says when the page is worth fetching again, and nothing else.
async fn changes(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    if session::visitor(&app, &headers).await? == session::Visitor::Nobody {
        return Err(Problem::unauthenticated());
    }
    let place = app.streams.clone().try_acquire_owned().map_err(|_| Problem::rate_limited(5))?;
    let durable = app.engine.durable();
    let start = (app.clone(), headers, durable, place);
    let events = stream::unfold(start, |(app, headers, mut durable, place)| async move {
        tokio::time::sleep(BUSY).await;
        if let Ok(Err(_)) = tokio::time::timeout(IDLE, durable.changed()).await {
            return None;
        }
        // A session that ended, or whose key was revoked, sees nothing more.
        if session::visitor(&app, &headers).await.ok()? == session::Visitor::Nobody {
            return None;
        }
        let position = durable.borrow_and_update().to_string();
        let event = Event::default().event("changed").data(position);
        Some((Ok::<_, Infallible>(event), (app, headers, durable, place)))
    });
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];
    Ok((unbuffered, Sse::new(events).keep_alive(KeepAlive::new())).into_response())
}
