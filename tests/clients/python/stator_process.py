"""A Stator of our own: started on a free port, watched, stopped or killed by its process id."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

LISTENS = re.compile(r"http://127\.0\.0\.1:(\d+)")
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60


def binary():
    """The program under test, or None where none is named."""
    path = os.environ.get("STATOR_BINARY")
    return Path(path).resolve() if path else None


def environment(**variables):
    """Our environment without settings for Stator, and with `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STATOR_")}
    return {**kept, **variables}


def run_to_end(*arguments, variables=None, cwd=None, program=None, user=None, seconds_max=60):
    """Runs Stator where it is expected to end by itself; gives exit code and outputs."""
    return subprocess.run(
        [program or binary(), *map(str, arguments)],
        env=environment(**(variables or {})),
        cwd=cwd,
        user=user,
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds_max,
    )


class DidNotStart(Exception):
    """The program ended, or said nothing for too long."""


class StatorProcess:
    """A running `stator serve`; `output` is the file with all that it prints.

    `wrapper` is a command to run it with, `ready` the text that is printed once it serves.
    """

    def __init__(
        self,
        *arguments,
        output,
        variables=None,
        cwd=None,
        wrapper=(),
        host="127.0.0.1",
        data_dir=None,
        ready="\nTry ",
        seconds_max=START_SECONDS_MAX,
    ):
        self.output = Path(output)
        self.ready = ready
        command = [*wrapper, binary(), "serve", "--host", host, "--port", "0"]
        if data_dir is not None:
            command += ["--data-dir", str(data_dir)]
        with open(self.output, "wb") as file:
            self.process = subprocess.Popen(
                [*map(str, command), *map(str, arguments)],
                env=environment(**(variables or {})),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        try:
            self.port = self._wait_for_port(seconds_max)
        except BaseException:
            self.kill()
            raise
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def _wait_for_port(self, seconds_max):
        deadline = time.monotonic() + seconds_max
        while True:
            text = self.printed()
            found = LISTENS.search(text)
            if found and self.ready in text:
                return int(found.group(1))
            if self.process.poll() is not None:
                raise DidNotStart(f"it ended with {self.process.returncode}: {self.printed()}")
            if time.monotonic() > deadline:
                raise DidNotStart(f"it names no address: {text}")
            time.sleep(0.002)

    def printed(self):
        return self.output.read_text(errors="replace")

    def stop(self, stop_signal=signal.SIGTERM):
        """Asks it to end and gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(stop_signal)
        return self.wait()

    def wait(self):
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        """Ends it at once, as a crash would."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
