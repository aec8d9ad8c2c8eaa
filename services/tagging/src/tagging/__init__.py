"""Tags and rubrics, as an editor would write them."""

import os

# A sentence's matrices are small: more threads only wait for one another, and each worker process has one core anyway.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
