"""The AWS CLI as a person uses it: a command line in, JSON or an error text out."""

import json
import subprocess
import sys
from pathlib import Path

AWS = Path(sys.executable).with_name("aws")


class Refused(Exception):
    """The command failed; the text is what it printed."""


class AwsCli:
    def __init__(self, endpoint, folder):
        self.endpoint = endpoint
        self.folder = folder

    def __call__(self, *arguments, service="dynamodb"):
        """Runs `aws SERVICE ARGUMENTS`; values that are no strings are given as JSON."""
        texts = [argument if isinstance(argument, str) else json.dumps(argument) for argument in arguments]
        done = subprocess.run(
            [AWS, service, *texts, "--endpoint-url", self.endpoint, "--output", "json"],
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode != 0:
            raise Refused(done.stderr.strip())
        return json.loads(done.stdout) if done.stdout.strip() else None
