"""The deployment that answers HTTP: the same application as that of one process, over the calls of the cluster."""

from __future__ import annotations

from typing import Any

from ray.serve.handle import DeploymentHandle

from ..http import make_app
from .dispatch import ClusterDispatch
from .host import Host, Load


class Front:
    """One process that answers requests."""

    def __init__(self, hosts: DeploymentHandle[Host], load: Load) -> None:
        self._hosts = hosts
        self._program = load()

    def __serve_build_asgi_app__(self) -> Any:
        """Serve asks for the application by this name."""
        return make_app(ClusterDispatch(self._hosts, self._program.launcher), self._program.options)
