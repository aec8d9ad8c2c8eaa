"""How many copies are wanted: what is written is read, what cannot be is refused and leaves things as they were."""

import json

import pytest
from typer.testing import CliRunner

from chassis.commands import app
from chassis.scaling import NotScalable, read_scale, scale


@pytest.fixture
def root(tmp_path, monkeypatch):
    (tmp_path / "processes.json").write_text(json.dumps(["imaging-worker", "relay"]))
    monkeypatch.setenv("DEPESHA_SCALE_FOLDER", str(tmp_path))
    return tmp_path


def test_a_service_means_its_workers(root):
    assert (scale(root, "imaging", 4), scale(root, "relay", 2)) == ("imaging-worker", "relay")
    assert read_scale(root) == {"imaging-worker": 4, "relay": 2}


@pytest.mark.parametrize(
    ("name", "count", "words"),
    [("typing", 2, "no process 'typing'; there are: imaging-worker, relay"), ("imaging", 65, "0 to 64 can be had")],
)
def test_what_cannot_be_is_refused_and_changes_nothing(root, name, count, words):
    with pytest.raises(NotScalable, match=words):
        scale(root, name, count)

    assert read_scale(root) == {}


def test_the_command_scales_the_embedded_stack(root):
    done = CliRunner().invoke(app, ["scale", "imaging", "3"])

    assert (done.exit_code, done.output) == (0, "imaging-worker: 3 from now on\n")
    assert read_scale(root) == {"imaging-worker": 3}


def test_the_command_names_the_engines_commands_where_no_embedded_stack_is(tmp_path, monkeypatch):
    monkeypatch.setenv("DEPESHA_SCALE_FOLDER", str(tmp_path))

    done = CliRunner().invoke(app, ["scale", "imaging", "3"])

    assert done.exit_code == 1
    assert "docker compose up -d --scale imaging-worker=3" in done.output
    assert "kubectl scale deployment/depesha-imaging-worker --replicas=3" in done.output
