"""Rules, dashboards and the runbook speak of metrics that there are, and of nothing else."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from chassis import ledger, metrics
from delivery import api as delivery_api
from delivery.settings import Settings as DeliverySettings
from desk import api as desk_api
from desk.settings import Settings as DeskSettings
from ingestion import api as ingestion_api
from ingestion.settings import Settings as IngestionSettings

ROOT = Path(__file__).parents[2]
RULES = ROOT / "infra/prometheus/rules/depesha.yml"
DASHBOARDS = sorted((ROOT / "infra/grafana/dashboards").glob("*.json"))
NAME = re.compile(r"\b(depesha_[a-z0-9_]+|process_[a-z_]+)\b")


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def expressions():
    drawn = [
        target["expr"]
        for path in DASHBOARDS
        for panel in json.loads(path.read_text())["panels"]
        for target in panel["targets"]
    ]
    return [rule["expr"] for rule in rules()] + drawn


def generator():
    spec = importlib.util.spec_from_file_location("dashboards", ROOT / "infra/grafana/dashboards.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def names_in(text):
    families = list(text_string_to_metric_families(text))
    suffixes = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",)}
    return {family.name + suffix for family in families for suffix in suffixes.get(family.type, ("",))}


@pytest.mark.stack
def test_every_metric_that_rules_and_dashboards_name_is_in_a_real_answer(database_for, settings_for):
    database = database_for("desk")
    with database.connection() as connection:
        ledger.declare_consumer(connection, "desk", in_flight=1, lease_s=1)
    collector = metrics.LedgerCollector(database.url)
    told = set()
    for app in (
        desk_api.create_app(DeskSettings(**settings_for("desk"))),
        delivery_api.create_app(DeliverySettings(**settings_for("delivery"))),
        ingestion_api.create_app(IngestionSettings(**settings_for("ingestion"))),
    ):
        with TestClient(app) as client:
            told |= names_in(client.get("/metrics").text)
    told |= {family.name for family in collector.collect()}
    collector.close()

    named = {name for expression in expressions() for name in NAME.findall(expression)}

    assert len(named) > 20
    assert named - told == set()


def test_what_is_recorded_is_used_and_what_is_used_is_recorded():
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    used = {name for one in expressions() for name in re.findall(r"\bdepesha:[a-z0-9_:]+\b", one)}

    assert used == recorded


def test_each_alert_has_its_section_in_the_runbook_and_each_section_its_alert():
    alerts = [rule for rule in rules() if "alert" in rule]
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)

    assert sorted(sections) == sorted(alert["alert"] for alert in alerts)
    assert {alert["annotations"]["runbook_url"] for alert in alerts} == {
        f"docs/runbook.md#{one.lower()}" for one in sections
    }


def test_the_dashboards_are_what_their_code_writes():
    made = generator()

    assert {path.name: path.read_text() for path in DASHBOARDS} == {
        "processes.json": made.text_of(made.PROCESSES),
        "road.json": made.text_of(made.ROAD),
    }


def test_prometheus_asks_every_process_of_the_composed_system():
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ours = {name for name, one in composed.items() if one.get("image", "").startswith("depesha/") and name != "migrate"}
    jobs = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text())["scrape_configs"]

    assert {name for job in jobs for found in job["dns_sd_configs"] for name in found["names"]} == ours
    assert {str(job["dns_sd_configs"][0]["port"]) for job in jobs} == {
        composed["desk-api"]["environment"]["DEPESHA_PORT"],
        composed["relay"]["environment"]["DEPESHA_METRICS_PORT"],
    }


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not here (Debian's package prometheus has it)")
@pytest.mark.parametrize("words", [["check", "config", "prometheus.yml"], ["test", "rules", "rules.test.yml"]])
def test_promtool_finds_the_rules_good(words):
    done = subprocess.run(
        ["promtool", *words], cwd=ROOT / "infra/prometheus", capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
