"""The standard set of renditions beside sharp, thumbor and Pillow, on the same photographs, in one run: CPU seconds, wall, memory, quality.

Peers live in folders of their own below .depesha: npm's sharp, and an environment with thumbor, Pillow and ssimulacra2.
Without node or a package registry their rows are left out, and it says so.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import pyvips

from imaging.decoder import Decoder, Order
from imaging.domain.renditions import STANDARD_SET
from stack.demo.photos import make_photo

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1] / ".depesha"
PHOTOS = ROOT / "bench" / "photos"
SHARP = "sharp@0.35.5"
THUMBOR = ("thumbor",)
PEERS = ("pillow==13.0.0", "ssimulacra2==0.3.0", "scipy")
SCENES = ("hall", "town")
OUTPUTS = [
    {"width": one.width, "height": one.height, "format": file_format}
    for one in STANDARD_SET
    for file_format in one.formats
]
JUDGED = {"width": 1280, "height": None}


def run(rounds: int) -> list[dict[str, Any]]:
    photos = _photos()
    ours = [_ours(photo) for photo in photos.values() for _ in range(rounds)]
    cpu, wall = (median(one[name] for one in ours) for name in ("cpu_s", "wall_s"))
    rows = [
        _row("the set of a 12 or 24 MP JPEG, CPU", cpu, "s", goal="at most 1.2 s", met=cpu <= 1.2),
        _row("the set of a 12 or 24 MP JPEG, wall", wall, "s", goal="under 0.95 s", met=wall < 0.95),
        _peak(ours),
        *_growth(rounds),
        _two_workers(photos["town 12 MP"], rounds),
    ]
    with tempfile.TemporaryDirectory() as folder:
        return rows + _beside(photos, rounds, Path(folder))


def _row(name: str, value: float, unit: str, **more: Any) -> dict[str, Any]:
    return {"section": "imaging", "name": name, "value": value, "unit": unit, **more}


def _peak(ours: list[dict[str, Any]]) -> dict[str, Any]:
    peak_mb = max(one["peak_kib"] for one in ours) / 1024
    return _row("peak memory of the renderer", peak_mb, "MB", goal="under 500 MB", met=peak_mb < 500)


def _photos() -> dict[str, Path]:
    """Photographs made by code: 12 MP, and the same at 24."""
    found = {}
    for scene in SCENES:
        small = make_photo(PHOTOS / f"{scene}.jpg", scene, 7, "Мост", "Агентство")
        found[f"{scene} 12 MP"] = small
        found[f"{scene} 24 MP"] = _scaled(small, 2**0.5)
    return found


def _scaled(photo: Path, scale: float) -> Path:
    path = photo.with_stem(f"{photo.stem}-{scale:.2f}")
    if not path.exists():
        pyvips.Image.new_from_file(str(photo)).resize(scale).jpegsave(str(path), Q=88)
    return path


def _ours(photo: Path, decoder: Decoder | None = None, keep: Path | None = None) -> dict[str, Any]:
    own = decoder or Decoder()
    body, files = photo.read_bytes(), {}
    if decoder is None:
        own.render(body, Order(), lambda _: None)  # a worker has rendered before
    child = psutil.Process(own._running().pid)
    before, started = child.cpu_times(), time.perf_counter()
    own.render(body, Order(), lambda file: files.__setitem__((file.rendition, file.format), file.body))
    after, wall_s = child.cpu_times(), time.perf_counter() - started
    peak_kib = int(Path(f"/proc/{child.pid}/status").read_text().partition("VmHWM:")[2].split()[0])
    if decoder is None:
        own.close()
    if keep:
        keep.write_bytes(files["w1280", "avif"])
    cpu_s = after.user + after.system - before.user - before.system
    return {"cpu_s": cpu_s, "wall_s": wall_s, "peak_kib": peak_kib, "bytes": [len(file) for file in files.values()]}


def _growth(rounds: int) -> list[dict[str, Any]]:
    """CPU of 48 MP against that of 12: four times is linear."""
    photo = PHOTOS / "town.jpg"
    small, large = (min(_ours(path)["cpu_s"] for _ in range(rounds)) for path in (photo, _scaled(photo, 2.0)))
    row = _row("the set of a 48 MP JPEG, CPU", large, "s", versus=f"12 MP {small:.2f} s", ratio=large / small)
    return [{**row, "goal": "linear: at most 4", "met": large / small <= 4}]


def _two_workers(photo: Path, rounds: int) -> dict[str, Any]:
    """Photos a second of two workers with a core each, against one with one."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    decoders = [Decoder(), Decoder()]
    for decoder, core in zip(decoders, cores, strict=False):
        os.sched_setaffinity(decoder._running().pid, {core})
    for decoder in decoders:
        _ours(photo, decoder)
    batch = 4 * rounds
    started = time.perf_counter()
    for _ in range(batch):
        _ours(photo, decoders[0])
    one_s = time.perf_counter() - started
    started = time.perf_counter()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda decoder: [_ours(photo, decoder) for _ in range(batch)], decoders))
    both_s = time.perf_counter() - started
    for decoder in decoders:
        decoder.close()
    gain = 2 * one_s / both_s
    return _row("two workers on two cores, against one on one", gain, "x", goal="at least 1.8 x", met=gain >= 1.8)


def _beside(photos: dict[str, Path], rounds: int, folder: Path) -> list[dict[str, Any]]:
    try:
        sharp, pillow = _sharp(), _pillow()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"imaging: the peers cannot be had here, so nothing is compared ({error})", file=sys.stderr)
        return []
    defaults = [
        {**one, "format": name} for one in OUTPUTS if one["format"] == "jpeg" for name in ("jpeg", "webp", "avif")
    ]
    rows = []
    for megapixels in ("12 MP", "24 MP"):
        times: dict[str, list[dict[str, Any]]] = {"ours": [], "sharp": [], "Pillow": []}
        for _ in range(rounds):  # in turn, so that a busy machine slows all
            for photo in (photo for name, photo in photos.items() if megapixels in name):
                times["ours"].append(_ours(photo))
                times["sharp"].append(sharp.ask(photo=str(photo), outputs=OUTPUTS, settings="ours"))
                times["Pillow"].append(pillow.ask(photo=str(photo), outputs=OUTPUTS))
                if megapixels == "12 MP" and "sharp at its defaults" not in times:
                    asked = sharp.ask(photo=str(photo), outputs=defaults, settings="defaults")
                    times["sharp at its defaults"] = [asked]
        rows += _ratios(times, megapixels)
    small = {name: photo for name, photo in photos.items() if "12 MP" in name}
    rows += [*_quality(small, sharp, pillow, folder), *_over_http(photos, rounds, pillow)]
    sharp.close()
    pillow.close()
    return rows


def _over_http(photos: dict[str, Path], rounds: int, judge: "Peer") -> list[dict[str, Any]]:
    spec = importlib.util.spec_from_file_location("bench_imaging_http", HERE / "_imaging_http.py")
    assert spec is not None
    assert spec.loader is not None
    http = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = http
    spec.loader.exec_module(http)
    shutil.copy(HERE / "_imaging_server.mjs", ROOT / "sharp" / "server.mjs")
    peers = {"sharp": ["node", str(ROOT / "sharp" / "server.mjs")]}
    try:
        peers["thumbor"] = [str(_environment("thumbor", THUMBOR) / "bin" / "thumbor")]
    except subprocess.CalledProcessError as error:
        print(f"imaging: thumbor cannot be had here ({error})", file=sys.stderr)

    def score(reference: Path, body: bytes) -> float:
        path = reference.with_suffix(".answer")
        path.write_bytes(body)
        return float(judge.ask(judge=[str(reference), str(path)])["score"])

    rows = [http.run(name, photos[name], rounds, peers, score) for name in ("town 12 MP", "town 24 MP")]
    return [{"section": "imaging", **row} for part in rows for row in part]


def _ratios(times: dict[str, list[dict[str, Any]]], megapixels: str) -> list[dict[str, Any]]:
    rows, mine = [], median(one["cpu_s"] for one in times["ours"])
    goals = {"sharp": ("at most 0.5", 0.5), "sharp at its defaults": ("at most 0.1", 0.1), "Pillow": ("at most 1", 1.0)}
    for peer, (goal, most) in goals.items():
        if peer not in times:
            continue
        theirs = median(one["cpu_s"] for one in times[peer])
        what = "JPEG, WebP and AVIF" if "defaults" in peer else "the same outputs"
        row = _row(f"CPU of {what}, {megapixels}", mine, "s", versus=f"{peer} {theirs:.2f} s")
        rows.append({**row, "ratio": mine / theirs, "goal": goal, "met": mine / theirs <= most})
    for peer in ("sharp", "Pillow"):
        peak, own = (max(one["peak_kib"] for one in times[name]) / 1024 for name in (peer, "ours"))
        rows.append(_row(f"peak memory, {megapixels}", own, "MB", versus=f"{peer} {peak:.0f} MB", ratio=own / peak))
    return rows


def _quality(photos: dict[str, Path], sharp: "Peer", judge: "Peer", folder: Path) -> list[dict[str, Any]]:
    """SSIMULACRA2 of the 1280 px AVIF against the photo decoded whole and scaled down once, and its bytes."""
    rows = []
    for name, photo in photos.items():
        own, theirs, reference = folder / "own.avif", folder / "sharp.avif", folder / "reference.png"
        whole = pyvips.Image.new_from_file(str(photo))
        whole.resize(JUDGED["width"] / whole.width).pngsave(str(reference), keep="none")
        _ours(photo, keep=own)
        sharp.ask(photo=str(photo), outputs=[{**JUDGED, "format": "avif"}], settings="ours", keep=str(theirs))
        scores = [judge.ask(judge=[str(reference), str(path)])["score"] for path in (own, theirs)]
        size_kb, size = own.stat().st_size / 1000, own.stat().st_size / theirs.stat().st_size
        versus = f"sharp {scores[1]:.1f}, {theirs.stat().st_size / 1000:.0f} kB"
        what = f"SSIMULACRA2 of {name}'s 1280 px AVIF, {size_kb:.0f} kB ({size:.2f} of sharp's bytes)"
        row = _row(what, scores[0], "", versus=versus, ratio=scores[0] / scores[1])
        rows.append({**row, "goal": "not worse by more than 1", "met": scores[0] >= scores[1] - 1})
    return rows


class Peer:
    """A program that reads a job a line and answers it in one."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **job: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise ConnectionError(f"{self._process.args} ended with {self._process.wait()}")
        return dict(json.loads(answer))

    def close(self) -> None:
        self._process.communicate()


def _sharp() -> Peer:
    folder = ROOT / "sharp"
    if not (folder / "node_modules" / "sharp").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", SHARP], cwd=folder, check=True)
    shutil.copy(HERE / "_imaging_sharp.mjs", folder / "bench.mjs")
    return Peer(["node", "bench.mjs"], folder)


def _pillow() -> Peer:
    folder = _environment("imaging-peers", PEERS)
    return Peer([str(folder / "bin" / "python"), str(HERE / "_imaging_pillow.py")], folder)


def _environment(name: str, packages: tuple[str, ...]) -> Path:
    """A folder of its own with these packages, and nothing of ours."""
    folder = ROOT / name
    if not (folder / "ready").exists():
        uv = HERE.parents[1] / ".venv" / "bin" / "uv"
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", folder / "bin" / "python", *packages], check=True)
        (folder / "ready").touch()
    return folder
