"""What Prometheus is told of sources."""

from typing import Final

from chassis.metrics import Gauge

GAUGES: Final = (
    Gauge(
        "depesha_sources",
        "Sources by kind and state",
        "SELECT kind, state, count(*) FROM source GROUP BY 1, 2",
        ("kind", "state"),
    ),
    Gauge(
        "depesha_source_quiet_seconds",
        "How long a source has been silent beyond its idle time; only those that are",
        """
        SELECT source_id, silent_s - quiet_after_s FROM (
            SELECT source_id, quiet_after_s, extract(epoch FROM now() - coalesce(
                (SELECT max(received_at) FROM item WHERE item.source_id = source.source_id), created_at))::float8 AS silent_s
            FROM source WHERE state = 'active') s
        WHERE silent_s > quiet_after_s
        """,
        ("source",),
    ),
    Gauge(
        "depesha_source_failures",
        "Visits in a row that went wrong, of sources that fail",
        "SELECT source_id, failures FROM source WHERE failures > 0",
        ("source",),
    ),
    Gauge(
        "depesha_sources_late_seconds",
        "How long the most overdue visit is overdue",
        "SELECT coalesce(max(extract(epoch FROM now() - due_at)), 0)::float8 FROM source WHERE state = 'active' AND due_at < now()",
    ),
)
