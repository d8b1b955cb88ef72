"""What is said of a service that cannot be reached."""

import socket
from importlib import import_module

import pytest

NOWHERE = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
NO_FILE = FileNotFoundError(2, "No such file or directory", "ca.pem")
REFUSED = ConnectionRefusedError(111, "Connection refused")


@pytest.mark.parametrize("plugin", ["gemini", "openai", "qwen"])
@pytest.mark.parametrize("error", [NOWHERE, REFUSED, NO_FILE, OSError("the line is down"), BrokenPipeError()])
def test_a_connection_that_fails_says_why_and_what_to_look_at(plugin, error):
    said = str(import_module(f"vision_agents.plugins.{plugin}.client").explained(error, "The service"))
    why = error.strerror or str(error) or "BrokenPipeError"
    why = f"{why}: ca.pem" if error is NO_FILE else why
    assert said == (
        f"The service: the connection failed ({why}). Check the network, and the address if it is one of your own."
    )
