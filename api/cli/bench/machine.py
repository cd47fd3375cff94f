"""What the figures were measured on."""

import os
import platform
import time
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

PROBES, BLOCK = 60, bytes(8192)


def describe(url: str) -> dict[str, Any]:
    """Return cores, processor, memory (GiB), system, Python, Postgres and the load before the bench began."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT current_setting('server_version')").fetchone()
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgres": row[0] if row else None,
        "load": round(os.getloadavg()[0], 2),
    }


def fsync_ms(folder: Path) -> float:
    """Return the median time to make 8 KiB durable in a folder, in milliseconds."""
    times = []
    place = folder / "probe"
    with place.open("wb", buffering=0) as file:
        for _ in range(PROBES):
            file.write(BLOCK)
            started = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    place.unlink()
    return round(median(times) * 1000, 3)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
