"""Attempts belong to the trace in which the story went out, and hand it on to the site."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import tracing
from contracts.events import StoryPublished

from .webhooks import announce, drain, fact, make_due, subscribe

pytestmark = pytest.mark.stack

TRACE = "0af7651916cd43dd8448eb211c80319c"
HEARD = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    tracing.use("delivery", SimpleSpanProcessor(exporter))
    yield exporter
    tracing.stop()


def test_every_attempt_is_a_span_of_the_storys_trace_and_the_site_gets_its_traceparent(client, database, site, spans):
    subscribe(client, site)
    site.answer = lambda handler: handler.send_error(503)
    with tracing.span("delivery story.published.v1", "consumer", HEARD):
        announce(database, fact(StoryPublished))
    drain(database)
    site.answer = lambda handler: handler.send_response(204) or handler.end_headers()
    make_due(database)
    drain(database)

    done = spans.get_finished_spans()
    heard = next(span for span in done if span.name == "delivery story.published.v1")
    attempts = [span for span in done if span.name == "webhook story.published"]
    assert [(span.kind.name, f"{span.context.trace_id:032x}") for span in attempts] == [("CLIENT", TRACE)] * 2
    assert {span.parent.span_id for span in attempts} == {heard.context.span_id}
    told = [dict(span.attributes) for span in attempts]
    assert [(one["http.response.status_code"], one["http.request.resend_count"]) for one in told] == [
        (503, 0),
        (204, 1),
    ]
    assert {one["server.address"] for one in told} == {"127.0.0.1"}
    assert [headers["traceparent"] for headers, _ in site.got] == [
        f"00-{TRACE}-{span.context.span_id:016x}-01" for span in attempts
    ]


def test_a_site_that_does_not_answer_is_told_in_the_span(client, database, site, spans):
    subscribe(client, site)
    drain(database)
    announce(database, fact(StoryPublished))
    site.close()

    drain(database)

    [attempt] = [span for span in spans.get_finished_spans() if span.name == "webhook story.published"]
    assert "http.response.status_code" not in attempt.attributes
    assert "onnect" in attempt.attributes["error.type"]


def test_where_nothing_is_traced_a_site_gets_no_traceparent(client, database, site):
    subscribe(client, site)
    announce(database, fact(StoryPublished))
    drain(database)

    [(headers, _)] = site.got
    assert "traceparent" not in {name.lower() for name in headers}
