"""Errors of models and networks. Every message says what happened, where, and what to do next."""

from __future__ import annotations


class ModelError(Exception):
    """Any failure of the model store; catch this one to catch them all."""


class UnknownModelError(ModelError):
    """The catalogue has no model of that name."""


class MissingModelError(ModelError):
    """The model is not on this machine, or is damaged; pulling it will help."""


class WrongHashError(ModelError):
    """A file is not the one that the catalogue pins; it has been removed."""


class FetchError(ModelError):
    """A file could not be brought here: network, server, archive, or package installer."""


class DiskFullError(ModelError):
    """There is no room for the model."""


class StoreError(ModelError):
    """The store's folder cannot be used: unwritable, not a folder, or cannot be locked."""


class InUseError(ModelError):
    """A loaded network cannot be let go, since parts use it."""


class OverloadedError(ModelError):
    """A network is asked for more than this machine can compute in time."""


class WorkerError(ModelError):
    """The thread or process that runs a network ended, or hung, with work to do."""
