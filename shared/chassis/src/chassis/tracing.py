"""Traces by OpenTelemetry, from the request at a door through the ledger to every handler it sets going. Off unless an endpoint is set.

A trace's id crosses between processes as W3C `traceparent`: in HTTP headers, and in the event's envelope, so also through Celery.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_carrier: Final = TraceContextTextMapPropagator()
_tracer: trace.Tracer | None = None
_provider: "TracerProvider | None" = None


def configure(service: str, otlp_endpoint: str) -> None:
    """Send this process's spans to a collector by OTLP over HTTP; do nothing where the endpoint is empty."""
    if not otlp_endpoint:
        return
    # the SDK costs 100 ms and 20 MB, which nobody pays who does not trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    use(service, BatchSpanProcessor(OTLPSpanExporter(f"{otlp_endpoint.rstrip('/')}/v1/traces", timeout=5)))


def use(service: str, processor: Any) -> None:  # noqa: ANN401 - an SDK's SpanProcessor, which is imported only where one traces
    """Give spans to a processor of the SDK from now on."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

    global _tracer, _provider  # noqa: PLW0603 - one a process, set at its start
    _provider = provider = TracerProvider(
        resource=Resource.create({"service.name": service, "service.namespace": "depesha"})
    )
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("depesha")


def flush() -> None:
    """Send what is finished, now; the SDK does so every few seconds, and when the process ends."""
    if _provider is not None:
        _provider.force_flush()


def stop() -> None:
    global _tracer, _provider  # noqa: PLW0603 - as above
    if _provider is not None:
        _provider.shutdown()
    _tracer = _provider = None


@contextmanager
def span(
    name: str, kind: str = "internal", parent: str | None = None, attributes: Mapping[str, str | int] | None = None
) -> Iterator[None]:
    """A span around the block, under `parent` (a traceparent) or under the span that is open. `kind`: OpenTelemetry's word."""
    if _tracer is None:
        yield
        return
    context = _carrier.extract({"traceparent": parent}) if parent else None
    with _tracer.start_as_current_span(name, context, trace.SpanKind[kind.upper()], attributes):
        yield


def rename(name: str) -> None:
    """Name the open span by what is known only at its end, such as the route of a request."""
    if _tracer is not None:
        trace.get_current_span().update_name(name)


def note(name: str, value: str | int) -> None:
    """Give the open span an attribute that is known only at its end, such as the status of an answer."""
    if _tracer is not None:
        trace.get_current_span().set_attribute(name, value)


def handed_on() -> dict[str, str]:
    """The header that hands the open span on to whoever is asked; none where nothing is traced."""
    parent = traceparent()
    return {"traceparent": parent} if parent else {}


def traceparent() -> str | None:
    """The open span, as it is handed on; None where none is open."""
    if _tracer is None:
        return None
    carried: dict[str, str] = {}
    _carrier.inject(carried)
    return carried.get("traceparent")


def trace_id() -> str | None:
    """32 hex digits of the open trace, for logs."""
    if _tracer is None:
        return None
    found = trace.get_current_span().get_span_context()
    return f"{found.trace_id:032x}" if found.is_valid else None
