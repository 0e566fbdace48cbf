"""Serves the sandbox over HTTP."""

import uvicorn

from .app import Sandbox

ROOMS = {"Omie": "/omie/api/v1/", "Ploomes": "/ploomes/", "control": "/sandbox/"}
"""What is served, and where."""


def run(port: int = 9000, host: str = "127.0.0.1", seed: str = "demo", speed: float = 1.0) -> None:
    """Blocks until interrupted."""
    sandbox = Sandbox(seed=seed, speed=speed)
    uvicorn.run(sandbox.asgi, host=host, port=port, log_level="warning", access_log=False)
