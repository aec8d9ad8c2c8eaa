"""Writes the dashboards: `python infra/grafana/dashboards.py`. A test compares; edit here, not in Grafana."""  # noqa: INP001 - a script, no package

import json
from itertools import count
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "prometheus"}

Query = tuple[str, str]
"""(PromQL, legend)"""


def panel(title: str, unit: str, *queries: Query, about: str = "", kind: str = "timeseries") -> dict[str, Any]:
    return {
        "title": title,
        "description": about,
        "type": kind,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(65 + place), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
            for place, (expression, legend) in enumerate(queries)
        ],
    }


def dashboard(uid: str, title: str, rows: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Each row's panels share its width."""
    numbers = count(1)
    panels = [
        {
            **one,
            "id": next(numbers),
            "gridPos": {"x": place * (24 // len(row)), "y": line * 8, "w": 24 // len(row), "h": 8},
        }
        for line, row in enumerate(rows)
        for place, one in enumerate(row)
    ]
    return {
        "uid": uid,
        "title": title,
        "tags": ["depesha"],
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "panels": panels,
    }


ROAD = dashboard(
    "depesha-road",
    "Depesha: the road",
    [
        [
            panel(
                "Age of the oldest event",
                "s",
                ("depesha:oldest_seconds", "{{consumer}} {{priority}}"),
                about="The main signal: how late the news is. Scale the consumer whose line climbs.",
            ),
            panel(
                "Share of the objective used",
                "percentunit",
                ("depesha:objective_used:ratio", "{{consumer}}"),
                about="1 is late. The autoscaler adds workers from 0.2 on.",
            ),
            panel("Events that wait or are in hand", "short", ("depesha:depth", "{{consumer}} {{priority}}")),
        ],
        [
            panel("Arrivals a second", "ops", ('max by (consumer) (depesha_events_rate{way="in"})', "{{consumer}}")),
            panel("Handled a second", "ops", ('max by (consumer) (depesha_events_rate{way="out"})', "{{consumer}}")),
            panel("Workers", "short", ("max by (consumer) (depesha_workers)", "{{consumer}}")),
        ],
        [
            panel("Legs: record to handled, 95 %", "s", ("depesha:leg_seconds:p95", "{{event}} → {{consumer}}")),
            panel("Handlers, 95 %", "s", ("depesha:handler_seconds:p95", "{{event}} → {{consumer}}")),
        ],
        [
            panel(
                "Failing and dead",
                "short",
                ("sum by (consumer) (max by (consumer, priority) (depesha_events_failing))", "{{consumer}} failing"),
                ("sum by (consumer) (max by (consumer, priority) (depesha_events_dead))", "{{consumer}} dead"),
            ),
            panel(
                "Webhooks by answer", "ops", ("sum by (answer) (rate(depesha_webhook_seconds_count[5m]))", "{{answer}}")
            ),
            panel(
                "Webhooks and releases that wait",
                "s",
                ("max(depesha_webhooks_oldest_seconds)", "oldest webhook"),
                ("max(depesha_schedule_late_seconds)", "most overdue release"),
            ),
        ],
    ],
)

PROCESSES = dashboard(
    "depesha-processes",
    "Depesha: processes and engines",
    [
        [
            panel(
                "Requests a second",
                "ops",
                ("sum by (service, status) (rate(depesha_http_requests_total[5m]))", "{{service}} {{status}}"),
            ),
            panel(
                "Requests, 95 %",
                "s",
                (
                    "histogram_quantile(0.95, sum by (service, le) (rate(depesha_http_request_seconds_bucket[5m])))",
                    "{{service}}",
                ),
            ),
        ],
        [
            panel(
                "Transactions, 95 %",
                "s",
                (
                    "histogram_quantile(0.95, sum by (service, le) (rate(depesha_transaction_seconds_bucket[5m])))",
                    "{{service}}",
                ),
            ),
            panel(
                "S3 calls, 95 %",
                "s",
                (
                    "histogram_quantile(0.95, sum by (bucket, operation, le) (rate(depesha_storage_seconds_bucket[5m])))",
                    "{{bucket}} {{operation}}",
                ),
            ),
            panel(
                "S3 calls that failed",
                "ops",
                (
                    'sum by (bucket, outcome) (rate(depesha_storage_seconds_count{outcome=~"5..|silent"}[5m]))',
                    "{{bucket}} {{outcome}}",
                ),
            ),
        ],
        [
            panel(
                "Relay: sent",
                "ops",
                ("sum by (consumer, kind) (rate(depesha_relay_sent_total[5m]))", "{{consumer}} {{kind}}"),
            ),
            panel("Relay: lag", "s", ("max(depesha_relay_lag_seconds)", "lag")),
            panel(
                "Timers overdue",
                "s",
                ("max by (consumer, timer) (depesha_timer_late_seconds)", "{{consumer}} {{timer}}"),
            ),
        ],
        [
            panel(
                "Workers' memory", "bytes", ("max by (consumer, worker) (depesha_worker_resident_bytes)", "{{worker}}")
            ),
            panel("Heartbeats", "s", ("max by (consumer, worker) (depesha_worker_beat_age_seconds)", "{{worker}}")),
            panel("CPU", "percentunit", ("rate(process_cpu_seconds_total[1m])", "{{process}} {{instance}}")),
        ],
    ],
)


def write() -> None:
    HERE.mkdir(exist_ok=True)
    for name, made in (("road", ROAD), ("processes", PROCESSES)):
        (HERE / f"{name}.json").write_text(text_of(made), encoding="utf-8")


def text_of(made: dict[str, Any]) -> str:
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    write()
