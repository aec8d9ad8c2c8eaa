"""After the road was walked: what must stay secret stands in no log. Named so that pytest runs it after the road."""

import pytest

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


def test_no_secret_stands_in_any_log(doors, partner):
    if doors.root is None:
        pytest.skip("a composed house keeps its logs elsewhere")
    doors.call("delivery", "GET", "/endpoints")
    logs = {path: path.read_text(errors="replace") for path in doors.root.rglob("*.log")}

    found = {path.name for path, text in logs.items() if any(secret in text for secret in doors.secrets)}

    assert {path.stem.partition("-")[0] for path in logs} >= {"relay", "desk", "ingestion", "delivery", "publication"}
    assert len(doors.secrets) > 15
    assert found == set()
