"""Pillow's side of the bench, and the judge: runs in an environment of its own, which has no package of ours.

Reads jobs (one JSON a line) and answers each in one line, as _imaging_sharp.mjs does; `{"judge": [a, b]}` compares two files.
"""

import io
import json
import resource
import sys
import time
from pathlib import Path

from PIL import Image, ImageOps
from ssimulacra2 import compute_ssimulacra2

SETTINGS = {
    "avif": {"format": "AVIF", "quality": 60, "speed": 10, "subsampling": "4:2:0", "max_threads": 2},
    "jpeg": {"format": "JPEG", "quality": 78, "progressive": True, "optimize": True, "subsampling": "4:2:0"},
}


def run(photo, outputs):
    body = Path(photo).read_bytes()
    started, before = time.perf_counter(), time.process_time()
    image = Image.open(io.BytesIO(body))
    image.draft("RGB", (1920, 1920))
    image = ImageOps.exif_transpose(image)
    sizes = []
    for output in outputs:
        width = min(output["width"], image.width)
        if output["height"]:
            shown = ImageOps.fit(image, (width, round(width * output["height"] / output["width"])), Image.LANCZOS)
        else:
            shown = image.resize((width, round(width * image.height / image.width)), Image.LANCZOS)
        sink = io.BytesIO()
        shown.save(sink, **SETTINGS[output["format"]])
        sizes.append(len(sink.getvalue()))
    return {
        "cpu_s": time.process_time() - before,
        "wall_s": time.perf_counter() - started,
        "bytes": sizes,
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def judge(one, other):
    """SSIMULACRA2 of two files: 90 is hardly to be told from the original, 70 good, 50 middling."""
    pictures = []
    for path in (one, other):
        sink = io.BytesIO()
        Image.open(path).convert("RGB").save(sink, "PNG", compress_level=0)
        sink.seek(0)
        pictures.append(sink)
    return {"score": compute_ssimulacra2(*pictures)}


for line in sys.stdin:
    job = json.loads(line)
    print(json.dumps(judge(*job["judge"]) if "judge" in job else run(job["photo"], job["outputs"])), flush=True)
