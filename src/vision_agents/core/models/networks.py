"""The networks of the process: each is loaded once, shared by all who use it, listed, and unloaded when told to.

A part takes a lease on a network; it is loaded when the first lease starts, and fetched, if its model is not here. It
has run once by then, since the first run of a network is slower than all others. It stays when the last lease is
closed, so that the next call joins fast. What differs between sessions, recurrent state and prosody say, belongs to the
streams of the part and is not here.

Everything here may be called from any thread and any event loop.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent import futures
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, TypeVarTuple, runtime_checkable

from .errors import InUseError, UnknownModelError
from .located import Located, locate
from .worker import JOIN, Worker, WorkerStats

N = TypeVar("N")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@runtime_checkable
class OwnWorker(Protocol):
    """A network that is run by a worker of its own, such as another process.

    One that is may say so by an attribute `pid`, the id of the process that runs it now or None: what that takes then
    counts as the calls'. It is read from any thread and must not block.
    """

    def stats(self) -> WorkerStats:
        """Its queue and what it did, for `loaded_models`. Called from any thread; must not block."""

    def close(self) -> None:
        """End the worker: the network is unloaded. Called once, from any thread; may block for some seconds."""


@dataclass(frozen=True, slots=True)
class NetworkSpec(Generic[N]):
    """A network to be loaded.

    Two specs are the same network if they are loaded by the same function from the same content with the same options.
    Pinned models are the same content wherever they lie; own files are, while path, size and time of change are.
    """

    load: Callable[[Mapping[str, Path]], N]
    """A function or class of a module (not a lambda, which is a new one each time): files by key to a network that has
    run once. Called in a thread; may block and raise."""
    model: str
    """The name in the model store, and in the list of what is loaded."""
    files: Mapping[str, Path] | None = None
    """Own files by key, in place of those of the model store."""
    options: Hashable = ()
    """What else makes it another network: a context length, a number of threads."""
    kept: bool = True
    """Return whether it stays when nobody uses it."""
    gpu: bool = False
    """Return whether a GPU computes it, and hardly the processor."""


def spec_of(network: N) -> NetworkSpec[N]:
    """The spec of a network that is loaded already, such as one in tests: shared by those who have the same object,
    and forgotten with the last of them."""
    return NetworkSpec(_Given(network), type(network).__name__, files={}, kept=False)


def networks_of(*parts: object) -> tuple[NetworkSpec[Any], ...]:
    """The networks of this process that parts use, by their attribute `networks`; none for those without one."""
    return tuple(spec for part in parts for spec in getattr(part, "networks", ()))


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A network of this process, as `loaded_models` lists it."""

    name: str
    """Of the model in the store, or the path of an own file."""
    revision: str
    """Version of the archive that carries the pinned files; for own files, a number that changes when they do."""
    size: int
    """Bytes of the files. In memory a network takes about as much, and what it needs to run."""
    users: tuple[str, ...]
    """The parts that use it now, one name for each."""
    load_seconds: float
    """How long loading took, the first run included."""
    worker: WorkerStats
    """Its queue and what it did so far; all zero for a network that runs on the event loop's thread."""
    gpu: bool = False
    """Return whether a GPU computes it, and hardly the processor."""


class Networks:
    """A store of loaded networks. The process has one, which `loaded_models` and `unload` are about."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[Hashable, _Entry] = {}

    def loaded(self) -> list[LoadedModel]:
        """The loaded networks, in the order of loading."""
        with self._lock:
            return [entry.listed() for entry in self._entries.values() if entry.state == "loaded"]

    def processes(self) -> list[int]:
        """The ids of the other processes that run loaded networks now."""
        with self._lock:
            pids = [entry.pid for entry in self._entries.values() if entry.state == "loaded"]
        return [pid for pid in pids if pid is not None]

    def unload(self, name: str | None = None) -> list[LoadedModel]:
        """Let go of the networks of that name, or of all that no part uses. Returns what they were.

        May block for some seconds where a network ends a process of its own: use a thread from asyncio.

        Raises:
            UnknownModelError: nothing of that name is loaded.
            InUseError: a part uses it, or it is being loaded. Nothing was unloaded.
        """
        with self._lock:
            named = {key: entry for key, entry in self._entries.items() if name in (None, entry.name)}
            busy = [entry for entry in named.values() if entry.users or entry.state == "loading"]
            if name is not None and not named:
                there = ", ".join(entry.name for entry in self._entries.values()) or "nothing"
                raise UnknownModelError(f"{name} is not loaded in this process; {there} is.")
            if name is not None and busy:
                raise InUseError(f"{name} is used by {_listed(busy)}. Close what uses it, then unload it again.")
            idle = {key: entry for key, entry in named.items() if entry not in busy}
            for key in idle:
                del self._entries[key]
            listed = [entry.listed() for entry in idle.values()]
        for entry in idle.values():
            entry.end()
        return listed

    def close(self) -> None:
        """Unload everything, whoever uses it: the process ends. Waits for what is running, up to `JOIN` seconds."""
        with self._lock:
            entries, self._entries = list(self._entries.values()), {}
        for entry in entries:
            entry.closing = True  # what is being fetched for it stops
        futures.wait([entry.loading for entry in entries], timeout=JOIN)
        for entry in entries:
            entry.end()

    def _join(self, lease: NetworkLease[Any]) -> _Entry:
        """Make the lease a user of its network, and begin to load that if nobody has."""
        located = locate(lease.spec.model, lease.spec.files)
        key = (lease.spec.load, located.identity, lease.spec.options)
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _Entry(located, lease.spec, Worker(located.name))
                entry.loading.set_running_or_notify_cancel()  # whoever waits may be cancelled, not the load
                _close_at_exit(self)
                threading.Thread(target=self._load, args=(key, entry), name=f"load {entry.name}").start()
            entry.users.add(lease)
            return entry

    def _leave(self, lease: NetworkLease[Any], entry: _Entry) -> None:
        with self._lock:
            entry.users.discard(lease)
            if entry.users or entry.spec.kept:
                return
            self._entries = {key: other for key, other in self._entries.items() if other is not entry}
        entry.worker.shutdown(wait=False)

    def _load(self, key: Hashable, entry: _Entry) -> None:
        begun = time.monotonic()
        try:
            network = entry.spec.load(entry.located.find(lambda: entry.closing))
        except BaseException as error:  # a SystemExit too: whoever waits must hear of it
            with self._lock:
                if self._entries.get(key) is entry:
                    del self._entries[key]  # the next start tries again
            failure = error if isinstance(error, Exception) else RuntimeError(f"{entry.name} does not load: {error!r}")
            entry.loading.set_exception(failure)
        else:
            entry.load_seconds = time.monotonic() - begun
            entry.loading.set_result(network)

    def _forget_threads(self) -> None:
        """In a forked process: the networks are there, the threads that load and run them are not."""
        self._lock = threading.Lock()
        self._entries = {key: entry for key, entry in self._entries.items() if entry.state == "loaded"}
        for entry in self._entries.values():
            entry.worker = Worker(entry.name)


class NetworkLease(Generic[N]):
    """A part's use of a network. `start` loads it, or joins those who did; `close` ends the use and unloads nothing.

    A lease that is dropped without `close` no longer counts as a user. It may be started again after `close`.

    Args:
        spec: what to load.
        user: the part, as the list of what is loaded shall name it.
        networks: the store, by default the process's.
    """

    def __init__(self, spec: NetworkSpec[N], user: str, networks: Networks | None = None) -> None:
        self.spec = spec
        self.user = user
        self._networks = PROCESS if networks is None else networks
        self._entry: _Entry | None = None

    @property
    def started(self) -> bool:
        """Return whether the network is there for this lease."""
        return self._entry is not None and self._entry.state == "loaded"

    @property
    def network(self) -> N:
        """The network. Raises RuntimeError before `start` and after `close`."""
        network: N = self._started().loading.result()
        return network

    def run(self, job: Callable[[*Ts], T], *args: *Ts, slack: float = 0.0) -> asyncio.Future[T]:
        """Have the network's worker call `job(*args)`, among the jobs of all sessions. See `Worker` for its order.

        `slack`: seconds that the answer may come later than others without anybody noticing. Cancelling the future
        takes a job that has not begun out of the queue. It may have OverloadedError, WorkerError or RuntimeError if
        the lease is closed before the job has begun. Raises RuntimeError before `start` and after `close`.
        """
        view = self._started().worker.view(self, slack)
        return asyncio.get_running_loop().run_in_executor(view, job, *args)

    async def start(self) -> None:
        """Load the network in a thread, unless it is loaded. Cancelling one who waits does not stop it for others.

        A model that is not on this machine is fetched first, see `ModelStore.ready`.

        Raises what fetching and loading raise, a ModelError and the network's own; all who wait get the same
        error, and the next `start` tries again. Raises RuntimeError if the lease is closed meanwhile.
        """
        if self._entry is None or self._entry.state == "failed":
            self._entry = self._networks._join(self)
        entry = self._entry
        await asyncio.get_running_loop().run_in_executor(_Waiting(entry.loading), _nothing)
        if self._entry is not entry:
            raise RuntimeError(f"{self.user} was closed while it was loading {entry.name}.")

    def close(self) -> None:
        """End the use, and what was asked of the network and has not begun. Harmless twice, and before `start`."""
        entry, self._entry = self._entry, None
        if entry is not None:
            entry.worker.withdraw(self, RuntimeError(f"{self.user} was closed before {entry.name} came to this."))
            self._networks._leave(self, entry)

    def _started(self) -> _Entry:
        if self._entry is None or self._entry.state != "loaded":
            raise RuntimeError(f"{self.user} has not loaded its model yet: await start() before it is used.")
        return self._entry


PROCESS = Networks()
"""The networks of this process."""


def loaded_models() -> list[LoadedModel]:
    """The networks that are loaded in this process, in the order of loading."""
    return PROCESS.loaded()


def worker_processes() -> list[int]:
    """The ids of the processes, other than this one, that run networks which are loaded here."""
    return PROCESS.processes()


def unload(name: str | None = None) -> list[LoadedModel]:
    """Let go of the networks of that name in this process, or of all that no part uses. See `Networks.unload`."""
    return PROCESS.unload(name)


# Inside.


@dataclass(eq=False)
class _Entry:
    """A network that is loaded, or being loaded. `loading` has it, or the error."""

    located: Located
    spec: NetworkSpec[Any]
    worker: Worker
    loading: Future[Any] = field(default_factory=Future)
    users: weakref.WeakSet[NetworkLease[Any]] = field(default_factory=weakref.WeakSet)
    load_seconds: float = 0.0
    closing: bool = False

    @property
    def name(self) -> str:
        return self.located.name

    @property
    def state(self) -> str:
        if not self.loading.done():
            return "loading"
        return "loaded" if self.loading.exception() is None else "failed"

    @property
    def user_names(self) -> tuple[str, ...]:
        return tuple(sorted(lease.user for lease in self.users))

    @property
    def pid(self) -> int | None:
        network = self.loading.result()
        return getattr(network, "pid", None) if isinstance(network, OwnWorker) else None

    def listed(self) -> LoadedModel:
        network = self.loading.result()
        stats = network.stats() if isinstance(network, OwnWorker) else self.worker.stats()
        located, seconds, gpu = self.located, self.load_seconds, self.spec.gpu
        return LoadedModel(located.name, located.revision, located.size, self.user_names, seconds, stats, gpu)

    def end(self) -> None:
        """Stop what runs the network, which nobody uses any more."""
        self.worker.shutdown()
        if self.state == "loaded" and isinstance(network := self.loading.result(), OwnWorker):
            network.close()


class _Given:
    """A network that is there already. Equal for the same object."""

    def __init__(self, network: Any) -> None:
        self._network = network

    def __call__(self, files: Mapping[str, Path]) -> Any:
        return self._network

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Given) and other._network is self._network

    def __hash__(self) -> int:
        return id(self._network)


class _Waiting(Executor):
    """Gives out a future that somebody else completes, in the form in which an event loop waits for threads."""

    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._future


def _nothing() -> None:
    """The job of somebody who only waits."""


def _listed(entries: Iterable[_Entry]) -> str:
    """The users of networks, in words."""
    users = Counter(user for entry in entries for user in entry.user_names)
    return ", ".join(f"{count} {user}" if count > 1 else user for user, count in sorted(users.items())) or "warm_up"


_open_stores: weakref.WeakSet[Networks] = weakref.WeakSet()
_closer: threading.Thread | None = None
_closer_lock = threading.Lock()


def _close_at_exit(store: Networks) -> None:
    """Have the store closed when the main thread is over.

    That is before the interpreter shuts down, as executors of the standard library do it: a native library may already
    be gone when `atexit` calls what was registered first.
    """
    global _closer
    with _closer_lock:
        _open_stores.add(store)
        if _closer is None or not _closer.is_alive():
            _closer = threading.Thread(target=_close_all, name="networks")
            _closer.start()


def _close_all() -> None:
    threading.main_thread().join()
    for store in list(_open_stores):
        store.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PROCESS._forget_threads)
