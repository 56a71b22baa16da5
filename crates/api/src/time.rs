//! Instants as RFC 3339 in UTC; inside, they are milliseconds since 1970.

use tokengine_core::Time;

/// `2026-03-01T12:00:00.250Z`.
pub(crate) fn rfc3339(time: Time) -> String {
    let ms = i64::try_from(time.0).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(instant) => instant.to_string(),
        // Beyond the year 9999: only a clock that is wrong, or "for ever", comes here.
        Err(_) => "9999-12-31T23:59:59.999Z".to_owned(),
    }
}

/// Reads an instant in UTC, whole seconds or finer.
pub(crate) fn parse(text: &str) -> Option<Time> {
    // Other offsets name instants too, but a signed text with one form only leaves nothing to misread.
    let instant: jiff::Timestamp = text.ends_with('Z').then(|| text.parse().ok())??;
    u64::try_from(instant.as_millisecond()).ok().map(Time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_printed_as_they_are_read() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_772_366_400_250, "2026-03-01T12:00:00.25Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Time(ms)), text);
            assert_eq!(parse(text), Some(Time(ms)));
        }
        for bad in
            ["", "yesterday", "2026-03-01", "2026-03-01T12:00:00", "2026-03-01T12:00:00+01:00", "1969-12-31T23:59:59Z"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(rfc3339(Time(u64::MAX)), "9999-12-31T23:59:59.999Z");
    }
}
