"""Our side of the pipe to the child process that decodes: one child, started when needed, ended when it misbehaves or is old."""

import io
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, cast

from chassis import logs
from contracts.content import Box, Point, Provenance
from imaging.credentials import Credentials
from imaging.domain.limits import ImageRefusedError, sniff
from imaging.domain.renditions import STANDARD_SET, Format, Rendition
from imaging.domain.words import Words
from imaging.pipe import read_message, write_message

COMMAND: Final = (sys.executable, "-I", "-m", "imaging.renderer")
NO_WORDS: Final = Words()
CPU_S: Final = 20
WALL_S: Final = 30
PATIENT_CPU_S: Final = 240
PATIENT_WALL_S: Final = 600
MOST_IMAGES: Final = 200
MOST_KIB: Final = 600 * 1024
PIPE_BYTES: Final = 2**20
"""Linux gives a pipe 64 KiB, and a photo would go through it in a hundred turns."""

log = logs.get()


@dataclass(frozen=True)
class Order:
    """What to make of a photo. Words given here stand before those in the file. `quality`: a format's own saver options."""

    words: Words = NO_WORDS
    focal_point: Point | None = None
    crops: Mapping[str, Box] = field(default_factory=dict)
    sizes: Sequence[Rendition] = STANDARD_SET
    quality: Mapping[Format, Mapping[str, Any]] = field(default_factory=dict)
    is_second_pass: bool = False
    headline: str = ""


@dataclass(frozen=True)
class RenderedFile:
    rendition: str
    format: Format
    width: int
    height: int
    body: bytes


@dataclass(frozen=True)
class Look:
    """What the child found out about a photo. `words` are those in the file; the rest as in contracts.content.Manifest."""

    width: int
    height: int
    focal_point: Point
    focal_point_by: str
    crops: dict[str, Box]
    faces: tuple[Box, ...]
    dominant_color: str
    perceptual_hash: str
    thumbhash: str
    words: Words
    warnings: tuple[str, ...]
    frames: int
    provenance: Provenance | None = None


class Decoder:
    """Renders one photo at a time in the child. Safe to share between threads: they take turns."""

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        *,
        is_background: bool = False,
        credentials: Credentials | None = None,
        trust_anchors: str = "",
    ) -> None:
        """`is_background`: its child gets only the CPU that nobody else wants. `trust_anchors`: PEM."""
        self._credentials, self._trust_anchors = credentials, trust_anchors
        self._command = ("nice", "-n", "19", *command) if is_background else tuple(command)
        self._lock = threading.Lock()
        self._held: list[subprocess.Popen[bytes]] = []  # the child, where one runs; ended with us, however we go
        weakref.finalize(self, _end, self._held)
        self._answers = io.BytesIO()
        self._rendered = 0

    def render(self, body: bytes, order: Order, keep: Callable[[RenderedFile], None]) -> Look:
        """Make the standard set; `keep` is called for each file as soon as it is there.

        Raises:
            ImageRefusedError: it is not a photo, breaks a limit, or ended the child.

        """
        look = self._have(self._job(order), body, order, keep)
        assert look is not None  # noqa: S101 - it was not told of any faces
        return look

    def resize(self, body: bytes, order: Order, faces: Sequence[Box], keep: Callable[[RenderedFile], None]) -> None:
        """Make the files and find out nothing: of a photo whose faces are known. Raises as `render` does."""
        job = self._job(order) | {"faces": [[face.x, face.y, face.width, face.height] for face in faces]}
        self._have(job, body, order, keep)

    def _have(
        self, job: dict[str, Any], body: bytes, order: Order, keep: Callable[[RenderedFile], None]
    ) -> Look | None:
        sniff(body)
        with self._lock:
            child = self._running()
            wall_s = PATIENT_WALL_S if order.is_second_pass else WALL_S
            watchdog = threading.Timer(wall_s, child.kill)
            watchdog.start()
            try:
                return self._converse(child, body, job, keep)
            except ImageRefusedError:
                raise
            except (BrokenPipeError, EOFError) as error:
                self.close()
                raise ImageRefusedError(
                    "undecodable", f"decoding was stopped: longer than {wall_s} s, or too much memory"
                ) from error
            except BaseException:
                self.close()
                raise
            finally:
                watchdog.cancel()

    def _converse(
        self, child: subprocess.Popen[bytes], body: bytes, job: dict[str, Any], keep: Callable[[RenderedFile], None]
    ) -> Look | None:
        assert child.stdin is not None  # noqa: S101 - it was opened with pipes
        write_message(cast("Any", child.stdin), job, body)
        look: Look | None = None
        while True:
            answer = read_message(cast("Any", self._answers))
            if answer is None:
                raise EOFError("the child ended")
            header, data = answer
            if "rendition" in header:
                keep(RenderedFile(header["rendition"], header["format"], header["width"], header["height"], data))
            elif "sign" in header:
                write_message(cast("Any", child.stdin), {}, self._credentials.sign(data) if self._credentials else b"")
            elif "manifest" in header:
                look = _look(header["manifest"])
                if header["manifest"]["unsigned"]:
                    log.warning("renditions went out unsigned", reason=header["manifest"]["unsigned"])
            elif "has_network" in header:
                _warn_of_network(header["has_network"])
            elif "refused" in header:
                self._count(0)
                raise ImageRefusedError(header["refused"], header["detail"])
            else:
                self._count(header["peak_kib"])
                return look

    @property
    def _child(self) -> subprocess.Popen[bytes] | None:
        return self._held[0] if self._held else None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            environment = {
                "VIPS_BLOCK_UNTRUSTED": "1",
                "VIPS_CONCURRENCY": "1",  # two renditions at a time are enough for two cores
                # what one picture took the next one gets, in huge pages: fresh ones took an eighth of the CPU. The child
                # gives them back when it has nothing to do; an arena a thread would hold 475 MB until then
                "MALLOC_ARENA_MAX": "2",
                "MALLOC_MMAP_THRESHOLD_": "33554432",
                "MALLOC_TRIM_THRESHOLD_": "1073741824",
                "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
                "PATH": os.environ.get("PATH", ""),
                "LANG": "C.UTF-8",
            }
            child = subprocess.Popen(  # noqa: S603 - our own module
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pipesize=PIPE_BYTES,
                env=environment,
                cwd="/",
            )
            self._held.append(child)
            self._answers = cast("io.BytesIO", child.stdout)
            self._rendered = 0
        return self._held[0]

    def _job(self, order: Order) -> dict[str, Any]:
        credentials = self._credentials
        return {
            "words": vars(order.words),
            "focal_point": [order.focal_point.x, order.focal_point.y] if order.focal_point else None,
            "crops": {name: [box.x, box.y, box.width, box.height] for name, box in order.crops.items()},
            "faces": None,
            "sizes": [[size.name, size.width, size.height, size.formats, size.with_headline] for size in order.sizes],
            "headline": order.headline,
            "quality": order.quality,
            "is_second_pass": order.is_second_pass,
            "cpu_s": PATIENT_CPU_S if order.is_second_pass else CPU_S,
            "credentials": credentials
            and {"certificates": credentials.certificates, "algorithm": credentials.algorithm},
            "trust_anchors": self._trust_anchors,
        }

    def _count(self, peak_kib: int) -> None:
        self._rendered += 1
        if self._rendered >= MOST_IMAGES or peak_kib > MOST_KIB:
            self.close()

    def close(self) -> None:
        """End the child; the next photo starts a new one."""
        _end(self._held)


@cache
def _warn_of_network(reason: str) -> None:
    """Once for each reason: every child meets the same."""
    log.warning("the process that decodes photos is not cut off from the network", reason=reason)


def _end(held: list[subprocess.Popen[bytes]]) -> None:
    while held:
        child = held.pop()
        child.kill()
        child.communicate()


def _look(manifest: dict[str, Any]) -> Look:
    def box(values: Sequence[float]) -> Box:
        x, y, width, height = (min(max(value, 0.0), 1.0) for value in values)
        return Box(x=x, y=y, width=width, height=height)

    return Look(
        width=manifest["width"],
        height=manifest["height"],
        focal_point=Point(x=manifest["focal_point"][0], y=manifest["focal_point"][1]),
        focal_point_by=manifest["focal_point_by"],
        crops={name: box(values) for name, values in manifest["crops"].items()},
        faces=tuple(box(values) for values in manifest["faces"]),
        dominant_color=manifest["dominant_color"],
        perceptual_hash=manifest["perceptual_hash"],
        thumbhash=manifest["thumbhash"],
        words=Words(**manifest["words"]),
        warnings=tuple(manifest["warnings"]),
        frames=manifest["frames"],
        provenance=Provenance.model_validate(manifest["provenance"]) if manifest["provenance"] else None,
    )
