"""What ``verbose=1`` says: one line on stderr, rewritten on a terminal while the work goes on."""
from __future__ import annotations

import sys
import time


class LiveLine:
    def __init__(self, name: str):
        self._name = name
        self._start = time.monotonic()

    def update(self, done: int, steps: int) -> None:
        """Shows inner steps done and the time left, on a terminal only."""
        if not sys.stderr.isatty() or not done:
            return
        left = (time.monotonic() - self._start) * (steps - done) / done
        print(f"\r\033[K{self._name}: inner step {done}/{steps}, {left:.0f} s left", end="", file=sys.stderr, flush=True)

    def finish(self, text: str) -> None:
        """Writes the line that stays."""
        clear = "\r\033[K" if sys.stderr.isatty() else ""
        seconds = time.monotonic() - self._start
        print(f"{clear}{self._name}: {text} ({seconds:.1f} s)", file=sys.stderr)
