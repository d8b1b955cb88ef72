"""The address of a server: what is wrong with one in a sentence, and the files that encrypt it."""

from __future__ import annotations

import errno
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path


class AddressError(OSError):
    """Nothing can be served there. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files for HTTPS, in PEM: a certificate with its chain, and its key."""

    file: Path
    key: Path

    @classmethod
    def of(cls, file: Path | None, key: Path | None) -> Certificate | None:
        """The certificate of what was given; None if nothing was. Raises AddressError for one without the other."""
        if file is None and key is None:
            return None
        if file is None or key is None:
            raise AddressError("a certificate needs its key: give both --tls-cert and --tls-key")
        return cls(file, key)

    def context(self) -> ssl.SSLContext:
        """A server's TLS context. Raises AddressError if the files are not there, or do not belong together."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.file, self.key)
        except FileNotFoundError:
            missing = next((path for path in (self.file, self.key) if not path.is_file()), self.file)
            raise AddressError(f"there is no file {missing}: give --tls-cert and --tls-key the PEM files") from None
        except (ssl.SSLError, OSError) as error:
            raise AddressError(
                f"{self.file} and {self.key} are no certificate and key in PEM that belong together ({error})"
            ) from None
        return context


def explained(error: Exception, host: str, port: int) -> str:
    """Say of an error in binding what to do about it."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, socket.gaierror) or number == errno.EADDRNOTAVAIL:
        return f"{host!r} is no address of this machine: take 127.0.0.1, or another one with --host"
    if number == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: end the program that has it, or take another one with --port"
    if number == errno.EACCES:
        return f"port {port} is not open to this user: take one above 1023 with --port"
    return f"nothing can be served at {host}, port {port}: {error}"
