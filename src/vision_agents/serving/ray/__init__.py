"""Many calls on more than one core or machine, by Ray Serve. It needs the extra `ray`.

`app` is what Serve runs; `vision-agents serve … --ray` starts it from the command line. Nothing else imports Ray.
"""

from __future__ import annotations

from .app import Fleet, app, application, hosts_of
from .host import Load

__all__ = ["Fleet", "Load", "app", "application", "hosts_of"]
