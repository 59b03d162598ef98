"""Commands with a time limit, each with a log; and what the output of tests says."""
import dataclasses
import os
import re
import signal
import subprocess
import time

TIMED_OUT = 124


@dataclasses.dataclass
class Ended:
    status: int
    output: str
    seconds: float

    @property
    def timed_out(self):
        return self.status == TIMED_OUT


def run(words, seconds, log, environment=None, cwd=None, on_line=None):
    """Runs a command; with what it started it is killed after so many seconds. on_line gets each line as it comes."""
    start = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=cwd,
                               stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
                               env={**os.environ, **(environment or {})})
    killed = []

    def kill(*_):
        killed.append(True)
        os.killpg(process.pid, signal.SIGKILL)

    before = signal.signal(signal.SIGALRM, kill)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.1))
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if on_line is not None:
                on_line(line)
        status = process.wait()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        process.stdout.close()
    output = "".join(lines)
    log.write_text(output)
    return Ended(TIMED_OUT if killed else status, output, time.monotonic() - start)


def gtest_counts(output):
    """(passed, failed): of a GoogleTest program that came to its end; None otherwise."""
    if not re.search(r"^\[==========\] \d+ tests? from .* ran\.", output, re.M):
        return None
    counts = [sum(int(n) for n in re.findall(rf"^\[  {word}  \] (\d+) tests?[.,]", output, re.M))
              for word in ("PASSED", "FAILED")]
    return counts[0], counts[1]


def unittest_counts(output):
    ran = re.search(r"^Ran (\d+) tests? in", output, re.M)
    if not ran:
        return None
    bad = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", output))
    skipped = sum(int(n) for n in re.findall(r"skipped=(\d+)", output))
    return int(ran[1]) - bad - skipped, bad


def sanitizer_errors(output):
    """Errors that compute-sanitizer counted; None: it did not come to its end."""
    found = re.findall(r"(?:ERROR SUMMARY|RACECHECK SUMMARY): (\d+)", output)
    return int(found[-1]) if found else None
