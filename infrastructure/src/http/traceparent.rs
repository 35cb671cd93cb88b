//! The header `traceparent` (W3C Trace Context): a request that is part of a trace goes on with it.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use poem::http::HeaderMap;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Makes a span part of the trace that the headers name, if they do and anybody collects spans.
pub(super) fn follow(span: &Span, headers: &HeaderMap) {
    let Some(parent) = headers.get("traceparent").and_then(|header| parse(header.to_str().ok()?)) else { return };
    // It fails where spans are not collected, and then there is nothing to follow.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
}

/// `00-<trace>-<span>-<flags>`, in hexadecimal. What a later version says besides is not looked at.
fn parse(header: &str) -> Option<SpanContext> {
    let mut parts = header.trim().split('-');
    let mut part =
        |digits: usize| parts.next().filter(|part| part.len() == digits && part.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')));
    let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    if version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    Some(SpanContext::new(trace, span, flags, true, TraceState::NONE)).filter(SpanContext::is_valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_is_taken_from_its_header() {
        let parent = parse(PARENT).unwrap();
        assert_eq!(parent.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(parent.span_id().to_string(), "00f067aa0ba902b7");
        assert!(parent.is_sampled() && parent.is_remote());
        assert!(!parse(&PARENT.replace("-01", "-00")).unwrap().is_sampled());
        assert!(parse(&format!("{}-what-comes-later", PARENT.replacen("00", "01", 1))).is_some());
    }

    #[test]
    fn what_is_no_trace_is_left_alone() {
        let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let more = format!("{PARENT}-more");
        for wrong in ["", "00", zeros, &more, &PARENT.replacen("00", "ff", 1), &PARENT.to_uppercase(), &PARENT.replace('4', "é")] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
