"""What Prometheus is told of the desk's tables."""

from typing import Final

from chassis.metrics import Gauge

GAUGES: Final = (
    Gauge(
        "depesha_schedule_waiting",
        "Releases that wait for their time",
        "SELECT count(*) FROM schedule WHERE problem = ''",
    ),
    Gauge(
        "depesha_schedule_late_seconds",
        "How long the most overdue scheduled release is overdue",
        "SELECT coalesce(greatest(extract(epoch FROM now() - min(due_at)), 0), 0) FROM schedule WHERE problem = ''",
    ),
    Gauge(
        "depesha_schedule_refused",
        "Scheduled releases that did not fire",
        "SELECT count(*) FROM schedule WHERE problem <> ''",
    ),
)
