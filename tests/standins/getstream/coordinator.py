"""Stream's coordinator: the HTTP API and the websocket, as far as joining a call needs them."""

from __future__ import annotations

import secrets
from typing import Any

import jwt
from aiohttp import WSMsgType, web

from .sfu import Sfu, new_token

KEY = "key-of-the-test"
SECRET = "secret-of-the-test-which-is-long-enough"

# Stream's numbers of errors.
ACCESS_KEY, INPUT, AUTHENTICATION, RATE_LIMIT, MISSING, SIGNATURE = 2, 4, 5, 9, 16, 43

HANDSHAKE = 10.0

# A user as the API describes them; times are in nanoseconds.
_NEW_USER: dict[str, Any] = {
    **dict.fromkeys(("banned", "invisible", "online", "shadow_banned"), False),
    **dict.fromkeys(("total_unread_count", "unread_channels", "unread_count", "unread_threads"), 0),
    **dict.fromkeys(("created_at", "updated_at"), 1_760_000_000_000_000_000),
    **{name: [] for name in ("blocked_user_ids", "channel_mutes", "devices", "mutes", "teams")},
    "custom": {},
    "language": "",
    "role": "user",
}


class ApiError(Exception):
    """An error as the API answers it."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def body(self) -> dict[str, Any]:
        return {
            "StatusCode": self.status,
            "code": self.code,
            "message": str(self),
            "duration": "0.01ms",
            "more_info": "",
            "details": [],
            # What is wrong with the account is not mended by asking again.
            "unrecoverable": self.status in (401, 403),
        }


class Coordinator:
    """Users, calls and connections. `failures` are the answers to the next joins, `calls` those that exist."""

    def __init__(self, sfu: Sfu) -> None:
        self._sfu = sfu
        self.origin = ""
        self.users: dict[str, dict[str, Any]] = {}
        self.calls: set[str] = set()
        self.connections: dict[str, tuple[str, web.WebSocketResponse]] = {}
        self.failures: list[ApiError] = []
        self.requests: list[str] = []

    def routes(self, app: web.Application) -> None:
        """Serve it all."""
        app.router.add_get("/api/v2/connect", self._connect)
        app.router.add_post("/api/v2/users", self._update_users)
        app.router.add_post("/api/v2/video/call/{type}/{id}/join", self._join)

    async def cut(self) -> None:
        """Break every connection, without a goodbye."""
        for _, socket in list(self.connections.values()):
            transport = socket._req.transport if socket._req is not None else None
            if transport is not None:
                transport.abort()

    async def tell(self, cid: str, kind: str, **more: Any) -> None:
        """Send an event of a call to everybody."""
        for _, socket in list(self.connections.values()):
            await socket.send_json({"type": kind, "call_cid": cid, **more})

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = secrets.token_hex(8)
        try:
            message = await socket.receive_json(timeout=HANDSHAKE)
            self._check_key(request)
            user_id = _user_of(message.get("token", ""))
            if not user_id or message.get("user_details", {}).get("id") != user_id:
                raise ApiError(401, AUTHENTICATION, "the token is of another user")
            if request.query.get("user_id") != user_id or request.query.get("stream-auth-type") != "jwt":
                raise ApiError(400, INPUT, "the query says another user, or another kind of authentication")
            self.connections[connection] = (user_id, socket)
            await socket.send_json({"type": "connection.ok", "connection_id": connection, "me": {"id": user_id}})
            async for each in socket:
                if each.type != WSMsgType.TEXT or each.json().get("type") != "health.check":
                    break
                await socket.send_json({"type": "health.check", "connection_id": connection})
        except ApiError as error:
            await socket.send_json({"type": "connection.error", "error": error.body})
        except (TimeoutError, TypeError, ValueError):
            await socket.close(code=1008, message=b"the first message is of authentication")
        finally:
            self.connections.pop(connection, None)
            await socket.close()
        return socket

    async def _update_users(self, request: web.Request) -> web.Response:
        return await self._answer(request, self._updated_users)

    async def _updated_users(self, request: web.Request) -> dict[str, Any]:
        # The application's own token names nobody.
        if _user_of(request.headers.get("Authorization", "")):
            raise ApiError(403, 17, "a user may not do this")
        users = (await request.json()).get("users")
        if not users or any(user.get("id") != key for key, user in users.items()):
            raise ApiError(400, INPUT, "users are given by their ids")
        self.users.update(users)
        known = {key: {**_NEW_USER, **user} for key, user in users.items()}
        return {"users": known, "duration": "1ms", "membership_deletion_task_id": ""}

    async def _join(self, request: web.Request) -> web.Response:
        return await self._answer(request, self._joined)

    async def _joined(self, request: web.Request) -> dict[str, Any]:
        if self.failures:
            raise self.failures.pop(0)
        user_id = _user_of(request.headers.get("Authorization", ""))
        connection = self.connections.get(request.query.get("connection_id", ""))
        if connection is None or connection[0] != user_id:
            raise ApiError(400, INPUT, "the connection is unknown, or somebody else's")
        asked = await request.json()
        if not asked.get("location"):
            raise ApiError(400, INPUT, "location is required")
        kind, name = request.match_info["type"], request.match_info["id"]
        if kind != "default":
            raise ApiError(404, MISSING, f"there is no call type {kind}")
        cid = f"{kind}:{name}"
        created = cid not in self.calls
        if created and not asked.get("create"):
            raise ApiError(404, MISSING, f"there is no call {cid}")
        self.calls.add(cid)
        token = new_token()
        self._sfu.grants[token] = (user_id, cid)
        address = self.origin.removeprefix("http://")
        server = {"edge_name": "edge-1", "url": f"http://{address}/twirp", "ws_endpoint": f"ws://{address}/sfu/ws"}
        return {
            "duration": "1ms",
            "created": created,
            "call": {"id": name, "type": kind, "cid": cid, "custom": {}},
            "members": [],
            "own_capabilities": ["send-audio", "send-video", "join-call"],
            "credentials": {"server": server, "token": token, "ice_servers": []},
            "stats_options": {"reporting_interval_ms": 10_000, "enable_rtc_stats": False},
        }

    async def _answer(self, request: web.Request, handle: Any) -> web.Response:
        self.requests.append(request.path)
        try:
            self._check_key(request)
            if request.headers.get("Stream-Auth-Type") != "jwt":
                raise ApiError(401, AUTHENTICATION, "the kind of authentication is not given")
            return web.json_response(await handle(request), status=201)
        except ApiError as error:
            return web.json_response(error.body, status=error.status)

    def _check_key(self, request: web.Request) -> None:
        if request.query.get("api_key") != KEY:
            raise ApiError(401, ACCESS_KEY, "api_key is not valid")


def _user_of(token: str) -> str:
    return str(_claims(token).get("user_id", ""))


def _claims(token: str) -> dict[str, Any]:
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"], leeway=10)
    except jwt.InvalidTokenError as error:
        raise ApiError(401, SIGNATURE, f"the token's signature is not valid: {error}") from error
