"""How many threads a number of jobs is."""
from __future__ import annotations

import os
from typing import Optional


def count_threads(n_jobs: Optional[int]) -> int:
    """As joblib counts jobs: -1 is all cores, -2 all but one. None: all cores, but no more than OMP_NUM_THREADS
    says, which joblib sets in its worker processes so that together they have one thread per core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if n_jobs is None:
        limit = os.environ.get("OMP_NUM_THREADS", "")
        return max(1, min(cores, int(limit))) if limit.isdigit() else cores
    import joblib  # scikit-learn brings it; encoders need neither
    return joblib.effective_n_jobs(n_jobs)
