//! Logs and traces.

use crate::config::{LogFormat, TelemetryConfig};
use crate::exit::{Exit, Failure};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::io::IsTerminal as _;
use std::path::Path;
use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What is ours: traces of what sends the traces would never end.
const OURS: &str = "tokengine";

/// Sends what is left of traces when the process ends.
pub(crate) struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    pub(crate) fn flush(self) {
        if let Some(Err(error)) = self.traces.map(|traces| traces.shutdown()) {
            tracing::warn!(error = %error, "Some traces were not sent");
        }
    }
}

/// Logs to standard error from now on, and sends traces where the configuration says so.
pub(crate) fn init(config: &TelemetryConfig) -> Result<Telemetry, Failure> {
    let level: Targets = config.level.parse().map_err(|error| Failure::system("the log's level", error))?;
    // https://no-color.org: any value but an empty one.
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log {
        LogFormat::Text => lines.with_ansi(!no_color && std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let traces = config.otlp_endpoint.as_deref().map(exporter).transpose()?;
    let spans = traces.as_ref().map(|traces| {
        let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer(OURS));
        // Where in the source, and on which thread, tells an operator nothing.
        let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
        layer.with_filter(Targets::new().with_target(OURS, Level::INFO))
    });
    tracing_subscriber::registry().with(lines.with_filter(level)).with(spans).init();
    Ok(Telemetry { traces })
}

/// Sends in batches, on a thread of its own; a collector that is down costs traces and nothing else.
fn exporter(endpoint: &str) -> Result<SdkTracerProvider, Failure> {
    let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint).with_protocol(Protocol::HttpBinary);
    // The endpoint may carry a key, so the cause is not told.
    let failed = |_| Failure::new(Exit::Usage, "telemetry", "traces cannot be sent to telemetry.otlp_endpoint");
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name(OURS).with_attribute(version).build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter.build().map_err(failed)?)
        .with_resource(resource)
        .build())
}

/// Logs to a file from now on: for the demo, whose terminal shows other things.
pub(crate) fn quiet(file: &Path) -> Result<(), Failure> {
    let opened = std::fs::File::create(file).map_err(|error| Failure::system(file.display(), error))?;
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(std::sync::Mutex::new(opened));
    tracing_subscriber::registry().with(lines.with_filter(Targets::new().with_default(Level::INFO))).init();
    Ok(())
}
