"""One trace goes from the request through the ledger and Celery's message to the handler and S3; off, nothing is added."""

import gzip
import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import ledger, logs, metrics, tracing
from chassis.addresses import parse_networks
from chassis.relay import pack
from chassis.safe_http import FetchFailed, SafeClient
from chassis.web import create_app
from chassis.worker import Worker
from contracts.events import StoryWithdrawnAtSource

STORY = UUID("0193a5c0-7e1a-7c4e-9b1d-000000000001")
GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    tracing.use("test", SimpleSpanProcessor(exporter))
    yield exporter
    tracing.stop()


def withdrawn():
    return StoryWithdrawnAtSource(
        story_id=STORY, revision=1, reason="пост удалён", noticed_at=datetime(2026, 11, 12, tzinfo=UTC)
    )


def carried(database):
    """The one message that the relay would send now."""
    with database.connection() as connection:
        [dispatch] = ledger.claim_due(connection, 10)
    return json.loads(pack([dispatch])[0][3])


@pytest.fixture
def house(database_for):
    """A desk with one door that publishes, and its worker, whose handler asks S3."""
    database = database_for("desk")
    with database.connection() as connection:
        ledger.declare_consumer(connection, "desk", in_flight=10, lease_s=30)
    app = create_app(service="ingestion", title="test", database=database)

    @app.post("/stories")
    def take() -> None:
        with database.unit_of_work() as uow:
            uow.publish(withdrawn())

    seen = []

    def handle(_event, _uow):
        with metrics.timing_storage("private", "get"):
            seen.append(tracing.trace_id())

    worker = Worker("desk", database, {StoryWithdrawnAtSource: handle}, name="test")
    return TestClient(app), worker, database, seen


@pytest.mark.stack
def test_one_trace_from_the_door_to_the_storage(house, spans):
    client, worker, database, seen = house

    client.post("/stories", headers={"traceparent": GIVEN})
    worker.handle(carried(database))

    done = {span.name: span for span in spans.get_finished_spans()}
    assert list(done) == ["POST /stories", "s3 get", "desk story.withdrawn_at_source.v1"]
    assert {f"{span.context.trace_id:032x}" for span in done.values()} == {"0af7651916cd43dd8448eb211c80319c"}
    assert f"{done['POST /stories'].parent.span_id:016x}" == "b7ad6b7169203331"
    handler = done["desk story.withdrawn_at_source.v1"]
    assert handler.parent.span_id == done["POST /stories"].context.span_id
    assert done["s3 get"].parent.span_id == handler.context.span_id
    assert seen == ["0af7651916cd43dd8448eb211c80319c"]


@pytest.mark.stack
def test_off_nothing_is_added_to_an_event(house):
    client, worker, database, seen = house

    client.post("/stories", headers={"traceparent": GIVEN})
    message = carried(database)
    worker.handle(message)

    assert "traceparent" not in message["deliveries"][0]["envelope"]
    assert seen == [None]


def test_a_traceparent_that_is_none_begins_a_trace_of_its_own(spans):
    with tracing.span("x", parent="nonsense"):
        assert tracing.trace_id() is not None

    assert spans.get_finished_spans()[0].parent is None


def test_log_lines_carry_the_traces_id(spans):
    line = {}
    with tracing.span("x", parent=GIVEN):
        line = logs._name_the_trace(None, "info", {"message": "fact"})

    assert line == {"message": "fact", "trace_id": "0af7651916cd43dd8448eb211c80319c"}
    assert logs._name_the_trace(None, "info", {}) == {}


def test_who_is_asked_by_the_safe_client_gets_the_traceparent_and_the_span_tells_no_path(spans):
    asked = []

    class Source(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers["traceparent"])
            self.send_response(404 if self.path == "/bot-secret/gone" else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Source)
    thread = threading.Thread(target=lambda: [server.handle_request() for _ in range(3)])
    thread.start()
    client, url = SafeClient(parse_networks("127.0.0.0/8")), f"http://127.0.0.1:{server.server_port}/bot-secret"
    with tracing.span("desk x", "consumer", GIVEN):
        client.get(f"{url}/here")
        with pytest.raises(FetchFailed):
            client.get(f"{url}/gone")
    tracing.stop()
    client.get(f"{url}/untraced")
    thread.join(10)
    server.server_close()

    here, gone, handler = spans.get_finished_spans()
    assert asked == [*(f"00-{GIVEN[3:35]}-{one.context.span_id:016x}-01" for one in (here, gone)), None]
    assert {(one.name, one.kind.name, one.parent.span_id) for one in (here, gone)} == {
        ("GET", "CLIENT", handler.context.span_id)
    }
    assert [dict(one.attributes) for one in (here, gone)] == [
        {
            "http.request.method": "GET",
            "server.address": "127.0.0.1",
            "server.port": server.server_port,
            "http.response.status_code": status,
        }
        for status in (200, 404)
    ]


def test_spans_go_to_the_collector_of_the_setting():
    asked = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            asked.append(
                (
                    self.path,
                    ExportTraceServiceRequest.FromString(
                        gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
                    ),
                )
            )
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    tracing.configure("desk", f"http://127.0.0.1:{server.server_port}/")
    try:
        with tracing.span("x", parent=GIVEN):
            pass
        tracing.flush()
    finally:
        tracing.stop()
        thread.join(10)
        server.server_close()

    [(path, told)] = asked
    [sent] = told.resource_spans[0].scope_spans[0].spans
    names = {one.key: one.value.string_value for one in told.resource_spans[0].resource.attributes}
    assert (path, sent.name, sent.trace_id.hex()) == ("/v1/traces", "x", "0af7651916cd43dd8448eb211c80319c")
    assert (names["service.name"], names["service.namespace"]) == ("desk", "depesha")


def test_without_the_setting_nothing_is_traced():
    tracing.configure("desk", "")

    with tracing.span("x", parent=GIVEN):
        assert tracing.traceparent() is None
