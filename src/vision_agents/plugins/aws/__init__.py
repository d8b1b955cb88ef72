"""Amazon Web Services: realtime speech by Nova Sonic on Bedrock.

Install `interruptible-agents[aws]`, in an environment with Python 3.12 or newer.
"""

import importlib.util
import sys

# Before Python 3.12 there is no SDK to look for: `Realtime` says so when it is made.
if sys.version_info >= (3, 12):
    for _package in ("aws_sdk_bedrock_runtime", "awscrt"):
        if importlib.util.find_spec(_package) is None:
            raise ImportError(
                f'The AWS plugin lacks the package {_package}. Run: pip install "interruptible-agents[aws]"',
                name=_package,
            )

from .client import AWSError
from .realtime import Realtime

__all__ = ["AWSError", "Realtime"]
