"""What a run says while it runs, and what it costs."""

import sys
import time

import pandas as pd
from tqdm.auto import tqdm

try:
    import resource
except ImportError:  # Windows: children are not counted, nor is memory
    resource = None

__all__ = ["CpuClock", "Reporter"]


class CpuClock:
    """CPU time and peak memory of this process and its children, added up over resumes."""

    def __init__(self):
        self._last = self.now()

    @staticmethod
    def now():
        """Return the CPU seconds of this process and its finished children."""
        if resource is None:
            return time.process_time()
        usages = [
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    def add_to(self, progress):
        now = self.now()
        progress.cpu_seconds += now - self._last
        self._last = now
        if resource is None:
            return
        scale = 2**20 if sys.platform == "darwin" else 2**10
        peaks = [
            resource.getrusage(who).ru_maxrss / scale
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        progress.peak_mb = max(progress.peak_mb, *peaks)

    def read(self, progress):
        """Return CPU seconds and peak memory of the run, until now."""
        self.add_to(progress)
        return {"cpu_seconds": progress.cpu_seconds, "peak_mb": progress.peak_mb}


class Reporter:
    """Progress to standard error, or to a function."""

    def __init__(self, report):
        self._report, self._bar = report, None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._bar is not None:
            self._bar.close()

    def start(self, what, total, done):
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._what, self._total = what, total
        if self._report in ("text", "progressbar"):
            bar = tqdm if self._report == "progressbar" else _text_bar
            self._bar = bar(total=total, initial=done, desc=what, unit="image")

    def update(self, done, progress=None):
        if self._bar is not None:
            self._bar.update(done - self._bar.n)
        elif callable(self._report) and progress is not None:
            self._report(done, self._total, pd.DataFrame(progress.history))


def _text_bar(**kwargs):
    """Progress in lines, at most one every ten seconds, for logs."""
    return tqdm(
        **kwargs,
        file=sys.stderr,
        mininterval=10,
        ncols=0,
        bar_format="{desc}: {n_fmt}/{total_fmt} images, {elapsed} so far, {remaining} left\n",
    )
