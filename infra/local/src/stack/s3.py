"""SeaweedFS's S3 server from a wheel, and who may do what in its buckets."""

import contextlib
import json
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from stack.engine import Engine
from stack.ports import answers

if TYPE_CHECKING:
    from chassis.bucket import Bucket

PROBE_KEY = "stack/probe"

S3_RIGHTS = {
    "ingestion": ("Read:depesha-private", "Write:depesha-private/originals/*", "Write:depesha-private/raw/*"),
    "imaging": (
        "Read:depesha-private",
        "Write:depesha-private/uploads/*",
        "Read:depesha-public",
        "Write:depesha-public/media/*",
    ),
    "desk": ("Read:depesha-private", "Write:depesha-private/originals/*"),
    "publication": ("Read:depesha-public", "Write:depesha-public", "List:depesha-public"),
}
"""What each service may do in the buckets, in SeaweedFS's words; who is not here has no key. infra/s3/start.sh says the same."""


@dataclass
class S3(Engine):
    """SeaweedFS in one process. Anybody reads objects of the public bucket; a service has its own key, the stack one for all."""

    ports: dict[str, int] = field(default_factory=dict)
    access_key: str = ""
    secret_key: str = ""
    service_secrets: dict[str, str] = field(default_factory=dict)
    _buckets: "list[Bucket]" = field(default_factory=list, repr=False)

    stop_within_s: ClassVar[float] = 5.0
    """All is closed after a second, but one time in ten the process does not end."""
    environment: ClassVar[dict[str, str]] = {"GOMEMLIMIT": "320MiB"}
    """180 MB resident under load. Under 250 MiB it collects without end, at three times the CPU a write; without, it takes 320 MB."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def identities(self) -> Path:
        return self.root / "s3.json"

    def prepare(self) -> None:
        super().prepare()
        self._sweep_sockets()
        operator = {
            "name": "depesha",
            "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        services = [
            {
                "name": name,
                "credentials": [{"accessKey": name, "secretKey": secret}],
                "actions": list(S3_RIGHTS[name]),
            }
            for name, secret in self.service_secrets.items()
        ]
        anybody = {"name": "anonymous", "actions": ["Read:depesha-public"]}
        self.identities.touch(mode=0o600)
        self.identities.write_text(json.dumps({"identities": [anybody, operator, *services]}))

    def command(self) -> list[str]:
        options = {
            "dir": self.folder,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "s3.port": self.port,
            "s3.config": self.identities,
            "bucket": "depesha-private,depesha-public",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "webdav": "false",
            "admin.ui": "false",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 1024,
            "volume.preStopSeconds": 0,  # there is no other volume server to go to
            **{f"{part}.port": port for part, port in self.ports.items()},
        }
        return [
            str(Path(sys.executable).parent / "weed"),
            "-logtostderr",  # else it leaves log files in /tmp
            "mini",
            *(f"-{name}={value}" for name, value in options.items()),
        ]

    def is_ready(self) -> bool:
        if not answers(self.port):
            return False
        try:
            for bucket in self._our_buckets():  # its parts find one another last, so only a round trip tells
                bucket.put(PROBE_KEY, b"ready", content_type="text/plain")
                bucket.get(PROBE_KEY)
                bucket.delete([PROBE_KEY])
        except Exception:  # noqa: BLE001 - whatever it says, it is not ready
            return False
        return True

    def _our_buckets(self) -> "list[Bucket]":
        from chassis.bucket import Bucket  # noqa: PLC0415 - its libraries are slow to import
        from chassis.settings import Settings  # noqa: PLC0415

        if not self._buckets:
            settings = Settings(
                database_url="postgresql://unused",
                s3_endpoint=self.url,
                s3_access_key=self.access_key,
                s3_secret_key=self.secret_key,
            )
            self._buckets = [Bucket.private(settings), Bucket.public(settings)]
        return self._buckets

    def stop(self, how: int = signal.SIGTERM) -> None:
        super().stop(how)
        self._sweep_sockets()

    def kill(self) -> None:
        super().kill()
        self._sweep_sockets()

    def _sweep_sockets(self) -> None:
        """It leaves Unix sockets behind, named by its ports."""
        ports = [self.port, *self.ports.values()]
        for port in [*ports, *(port + 10_000 for port in ports)]:
            for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - SeaweedFS puts them there
                with contextlib.suppress(PermissionError):  # another user's; SeaweedFS does without it
                    path.unlink(missing_ok=True)
