"""A model server on loopback that answers, and fails, as a test tells it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    silent_s: float = 0.0
    """Before anything is sent."""
    pause_s: float = 0.0
    """Between each two bytes of the body."""
    missing: int = 0
    """Bytes promised and not sent."""
    hangs_up: bool = False
    """Without a word."""
    chunk: int = 0
    """Bytes of a chunk, in chunked encoding."""


@dataclass(frozen=True)
class Asked:
    path: str
    body: Any
    headers: Mapping[str, str]
    attempt: int
    """How often this same body came before."""
    number: int
    """How many bodies came before."""

    @property
    def text(self) -> str:
        """What the user said."""
        if "prompt" in self.body:
            return str(self.body["prompt"])
        return str(self.body["messages"][-1]["content"])


@dataclass
class Served:
    url: str
    asked: list[Asked] = field(default_factory=list)
    most_at_once: int = 0

    def posts(self, text: str) -> int:
        return sum(a.body is not None and a.text == text for a in self.asked)


MODELS = {"object": "list", "data": [{"id": "m", "owned_by": "me", "root": "org/m"}]}


def reply(body: object, **how: Any) -> Reply:
    return Reply(body=json.dumps(body).encode(), **how)


def completion(text: str | None, finish: str | None = "stop", **more: object) -> dict[str, Any]:
    """An answer in both shapes: each mode reads its own."""
    choice = {"index": 0, "text": text, "message": {"role": "assistant", "content": text}}
    return {
        "id": "same-for-all",
        "model": "m-2026",
        "system_fingerprint": "fp",
        "choices": [{**choice, "finish_reason": finish, **more}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def echo(asked: Asked) -> Reply:
    return reply(completion(f"re: {asked.text}"))


@contextmanager
def serving(
    answer: Callable[[Asked], Reply] = echo, models: Reply | None = None
) -> Iterator[Served]:
    served = Served("")
    lock = threading.Lock()
    busy = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            served.asked.append(Asked(self.path, None, dict(self.headers), 0, 0))
            send(self, models or reply(MODELS))

        def do_POST(self) -> None:
            nonlocal busy
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                attempt = sum(a.body == body for a in served.asked)
                number = sum(a.body is not None for a in served.asked)
                asked = Asked(self.path, body, dict(self.headers), attempt, number)
                served.asked.append(asked)
                busy += 1
                served.most_at_once = max(served.most_at_once, busy)
            found = answer(asked)
            time.sleep(found.silent_s)
            with lock:
                busy -= 1
            if found.hangs_up:
                self.close_connection = True
            else:
                with suppress(BrokenPipeError, ConnectionResetError):
                    send(self, found)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(handler: BaseHTTPRequestHandler, found: Reply) -> None:
    handler.send_response(found.status)
    for name, value in found.headers.items():
        handler.send_header(name, value)
    if found.chunk:
        handler.send_header("Transfer-Encoding", "chunked")
    else:
        handler.send_header("Content-Length", str(len(found.body) + found.missing))
    handler.end_headers()
    size = found.chunk or max(len(found.body), 1)
    for start in range(0, len(found.body), size):
        part = found.body[start : start + size]
        if found.chunk:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            continue
        for byte in [part] if not found.pause_s else [part[i : i + 1] for i in range(len(part))]:
            handler.wfile.write(byte)
            handler.wfile.flush()
            time.sleep(found.pause_s)
    if found.chunk and not found.missing:
        handler.wfile.write(b"0\r\n\r\n")
    if found.missing:
        handler.close_connection = True
