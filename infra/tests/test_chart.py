"""The chart as it was rendered: valid for Kubernetes, true to our settings and our rules, closed and read-only."""

import importlib
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from chassis.celery_app import TASK_LIMIT_S
from chassis.ledger.watch import OBJECTIVE_S
from chassis.settings import Settings
from desk.domain.river import BUSY_FROM
from stack.engines import KEEPS_SECRETS, SERVICES
from stack.s3 import S3_RIGHTS

ROOT = Path(__file__).parents[2]
CHART = ROOT / "infra/kubernetes"
CASES = {"default": [], "everything": ["--values", "cases/everything.yaml"]}
OTHERS = {"ScaledObject"}
"""Kinds of others' CRDs, of which kubernetes-validate knows nothing."""


def golden(case):
    return [one for one in yaml.safe_load_all((CHART / "golden" / f"{case}.yaml").read_text()) if one]


def kinds(case, kind):
    return [one for one in golden(case) if one["kind"] == kind]


def pods(case):
    """(name, pod's spec) of all that runs."""
    for one in golden(case):
        if one["kind"] in ("Deployment", "Job"):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]
        if one["kind"] == "CronJob":
            yield one["metadata"]["name"], one["spec"]["jobTemplate"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("version", ["1.27", "1.34"])
def test_every_object_is_valid_for_old_and_new_kubernetes(case, version):
    objects = [one for one in golden(case) if one["kind"] not in OTHERS]

    for one in objects:
        kubernetes_validate.validate(one, version, strict=True)

    assert len(objects) > 30


@pytest.mark.skipif(not shutil.which("helm"), reason="helm is not here (`make chart` gets it)")
@pytest.mark.parametrize(("case", "values"), CASES.items())
def test_the_golden_files_are_what_helm_renders(case, values):
    command = ["helm", "template", "depesha", ".", "--kube-version", "1.33.0", *values]
    done = subprocess.run(command, cwd=CHART, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout == (CHART / "golden" / f"{case}.yaml").read_text()


@pytest.mark.skipif(not shutil.which("helm"), reason="helm is not here (`make chart` gets it)")
@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("workers.imaging.replicas=many", "replicas"),
        ("workers.imaging.graceSeconds=3", "graceSeconds"),
        ("s3.endpoint=s3.example.org", "endpoint"),
        ("logLevel=loud", "logLevel"),
        ("workers.imaging.copies=3", "copies"),
        ("redis.sentinel.master=news", "addresses"),
        ("contentCredentials.trustAnchors=me", "trustAnchors"),
    ],
)
def test_a_wrong_value_is_refused_by_name(value, complaint):
    command = ["helm", "template", "depesha", ".", "--kube-version", "1.33.0", "--set", value]
    done = subprocess.run(command, cwd=CHART, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert complaint in done.stderr


@pytest.mark.parametrize("case", CASES)
def test_nothing_runs_as_root_or_writes_or_gains_or_calls_the_api_server(case):
    for name, spec in pods(case):
        [container] = spec["containers"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert "memory" in container["resources"]["limits"], name


def test_each_process_gets_the_settings_that_its_class_has_and_needs():
    common = {f"DEPESHA_{name.upper()}" for name in Settings.model_fields}
    for deployment in kinds("default", "Deployment"):
        labels = deployment["metadata"]["labels"]
        service = labels["depesha/service"]
        given = {one["name"] for one in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
        if service == "relay":
            assert given >= {"DEPESHA_DATABASE_URL", "DEPESHA_REDIS_URL"}
            continue
        fields = importlib.import_module(f"{service}.settings").Settings.model_fields
        needed = {f"DEPESHA_{name.upper()}" for name, field in fields.items() if field.is_required()}
        urls = {f"DEPESHA_{name.upper()}_URL" for name in SERVICES}
        assert needed <= given, service
        assert given - urls <= common | {f"DEPESHA_{name.upper()}" for name in fields}, service
        assert ("DEPESHA_S3_ACCESS_KEY" in given) == (service in S3_RIGHTS), service
        assert ("DEPESHA_SECRET_KEYS" in given) == (service in KEEPS_SECRETS), service


def test_imaging_alone_gets_the_newsrooms_c2pa_key_and_whom_it_trusts():
    names = {"DEPESHA_C2PA_TRUST_ANCHORS", "DEPESHA_C2PA_CERTIFICATE", "DEPESHA_C2PA_KEY"}
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    def given(case):
        containers = {name: pod["containers"][0].get("env", ()) for name, pod in pods(case)}
        return {name: mine for name, env in containers.items() if (mine := names & {one["name"] for one in env})}

    both = {"depesha-imaging-api": names, "depesha-imaging-worker": names}
    assert given("everything") == both
    assert given("default") == {}
    assert {
        f"depesha-{name}": mine for name, one in composed.items() if (mine := names & set(one.get("environment", {})))
    } == both


def test_every_process_of_the_composed_system_has_its_deployment():
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ours = {f"depesha-{name}" for name, one in composed.items() if one.get("image", "").startswith("depesha/")}

    assert {name for name, _ in pods("default")} - {
        f"depesha-{job}" for job in ("prune", "orphans", "previews")
    } == ours


def test_liveness_asks_nobody_else_and_readiness_tells_the_truth():
    for deployment in kinds("default", "Deployment"):
        is_api = deployment["metadata"]["labels"]["depesha/role"] == "api"
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == ("/readyz?only=traffic" if is_api else "/readyz")
        assert 10 <= deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] <= TASK_LIMIT_S


def test_no_composed_container_is_ill_because_another_is():
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ours = {name: one for name, one in composed.items() if name.endswith(("-api", "-worker", "relay"))}

    asked = {
        name: one["healthcheck"]["test"][-1].partition("127.0.0.1:")[2].partition("'")[0] for name, one in ours.items()
    }

    assert asked == {name: "8000/healthz" if name.endswith("-api") else "9100/healthz" for name in ours}
    assert len(ours) == 2 * len(SERVICES) + 1


@pytest.mark.skipif(not shutil.which("helm"), reason="helm is not here (`make chart` gets it)")
def test_where_sentinels_watch_redis_they_are_asked_for_the_lists():
    watched = "redis.sentinel.master=news,redis.sentinel.addresses=one:26379\\,two:26379"
    command = ["helm", "template", "depesha", ".", "--kube-version", "1.33.0"]
    done = subprocess.run([*command, "--set", watched], cwd=CHART, capture_output=True, text=True, check=True)

    scaled = [one for one in yaml.safe_load_all(done.stdout) if one and one["kind"] == "ScaledObject"]
    triggers = [trigger for one in scaled for trigger in one["spec"]["triggers"] if "listName" in trigger["metadata"]]
    assert len(triggers) == len(SERVICES) * len(OBJECTIVE_S)
    for trigger in triggers:
        assert trigger["type"] == "redis-sentinel"
        assert (trigger["metadata"]["addresses"], trigger["metadata"]["sentinelMaster"]) == (
            "one:26379,two:26379",
            "news",
        )
        assert "address" not in trigger["metadata"]


def test_workers_scale_on_the_share_of_the_objective_and_the_rule_says_the_same_objectives():
    scaled = {one["spec"]["scaleTargetRef"]["name"]: one["spec"] for one in kinds("default", "ScaledObject")}
    rules = yaml.safe_load((ROOT / "infra/prometheus/rules/depesha.yml").read_text())["groups"]
    [rule] = [one for group in rules for one in group["rules"] if one.get("record") == "depesha:objective_used:ratio"]
    deployments = {one["metadata"]["name"]: one["spec"] for one in kinds("default", "Deployment")}

    assert set(scaled) == {f"depesha-{service}-worker" for service in SERVICES}
    for name, spec in scaled.items():
        service = name.split("-")[1]
        first, *lists = spec["triggers"]
        assert first["metadata"]["query"] == f'depesha:objective_used:ratio{{consumer="{service}"}}'
        assert float(first["metadata"]["threshold"]) == BUSY_FROM
        assert {one["metadata"]["listName"] for one in lists} == {f"{service}.{priority}" for priority in OBJECTIVE_S}
        assert "replicas" not in deployments[name]  # else every upgrade would undo what the autoscaler did
        assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"]
    for priority, seconds in OBJECTIVE_S.items():
        assert f'depesha:oldest_seconds{{priority="{priority}"}} / {seconds:.0f}\n' in rule["expr"]
    assert {one["spec"]["scaleTargetRef"]["name"] for one in kinds("default", "HorizontalPodAutoscaler")} == {
        f"depesha-{service}-api" for service in SERVICES
    }


def test_every_deployment_may_lose_one_pod_at_a_time():
    budgets = {
        one["metadata"]["name"]: one["spec"]["maxUnavailable"] for one in kinds("default", "PodDisruptionBudget")
    }

    assert budgets == {one["metadata"]["name"]: 1 for one in kinds("default", "Deployment")}


def test_all_is_closed_and_only_those_who_must_go_out_do():
    policies = {one["metadata"]["name"]: one["spec"] for one in kinds("default", "NetworkPolicy")}

    assert policies["depesha-closed"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policies["depesha-closed"]
    assert policies["depesha-outside"]["podSelector"]["matchExpressions"][0]["values"] == [
        "ingestion",
        "delivery",
        "publication",
    ]
    assert kinds("everything", "NetworkPolicy") == []
