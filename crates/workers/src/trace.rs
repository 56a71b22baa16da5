//! Spans of what is done for a request long after it was answered: they continue its trace, after a restart too. The context
//! is in the books, so nothing here remembers anything.

use std::future::Future;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tokengine_core::{Dispatch, DispatchId, PayoutId, Purpose, State, TraceContext, TxId};
use tracing::field::{Empty, display};
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::Error;

/// What a nonce in use is for, as its spans tell it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    what: &'static str,
    dispatch: DispatchId,
    payout: Option<PayoutId>,
    trace: Option<TraceContext>,
}

impl About {
    pub(crate) fn of(state: &State, id: DispatchId, dispatch: &Dispatch) -> Self {
        let (what, payout) = match dispatch.purpose {
            Purpose::Payout(payout) => ("payout", Some(payout)),
            Purpose::Sweep { .. } => ("sweep", None),
            Purpose::TopUp { .. } => ("top-up", None),
            Purpose::Noop => ("filler", None),
        };
        let trace = payout.and_then(|payout| state.payout(payout)?.trace);
        Self { what, dispatch: id, payout, trace }
    }

    /// The span of one step: `sign`, `send`, `seen`, `final`.
    pub(crate) fn span(&self, step: &'static str, chain: &str, tx: Option<TxId>) -> Span {
        let span = tracing::info_span!(
            parent: None,
            "step",
            otel.name = format_args!("{} {step}", self.what),
            otel.status_code = Empty,
            error.type = Empty,
            trace_id = Empty,
            chain.id = chain,
            dispatch.id = %self.dispatch,
            payout.id = Empty,
            tx.id = Empty,
        );
        if let Some(payout) = self.payout {
            span.record("payout.id", display(payout));
        }
        if let Some(tx) = tx {
            span.record("tx.id", display(tx));
        }
        continues(span, self.trace)
    }
}

/// A step of a deposit that somebody claimed: `found`, `refused`, `credit`.
pub(crate) fn deposit_span(step: &'static str, chain: &str, tx: TxId, trace: Option<TraceContext>) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "step",
        otel.name = format_args!("deposit {step}"),
        trace_id = Empty,
        chain.id = chain,
        tx.id = %tx,
    );
    continues(span, trace)
}

/// The span belongs under the one that asked for it.
fn continues(span: Span, trace: Option<TraceContext>) -> Span {
    if let Some(trace) = trace {
        let (id, parent) = (TraceId::from_bytes(trace.trace_id), SpanId::from_bytes(trace.span_id));
        span.record("trace_id", display(id));
        // Only what is to be seen is journaled.
        let asked = SpanContext::new(id, parent, TraceFlags::SAMPLED, true, TraceState::default());
        // It fails where nobody takes traces: then there is nothing to continue.
        let _ = span.set_parent(Context::new().with_remote_span_context(asked));
    }
    span
}

/// Does something within a span, which tells a fault.
pub(crate) async fn within<T>(span: Span, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let done = work.instrument(span.clone()).await;
    if let Err(error) = &done {
        span.record("otel.status_code", "ERROR").record("error.type", error.code());
    }
    done
}
