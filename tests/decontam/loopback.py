"""A model server on loopback that answers, and fails, as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    silent_s: float = 0.0
    missing: int = 0
    """Bytes promised and not sent."""
    hangs_up: bool = False


@dataclass(frozen=True)
class Asked:
    path: str
    body: Any
    headers: Mapping[str, str]
    number: int


@dataclass(frozen=True)
class Served:
    url: str
    asked: list[Asked]


def reply(body: object) -> Reply:
    return Reply(body=json.dumps(body).encode())


@contextmanager
def serving(answer: Callable[[Asked], Reply]) -> Iterator[Served]:
    asked: list[Asked] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                request = Asked(self.path, body, dict(self.headers), len(asked))
                asked.append(request)
            found = answer(request)
            if found.silent_s:
                time.sleep(found.silent_s)
            self.close_connection = True
            if not found.hangs_up:
                send(self, found)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_address[1]}/v1", asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(handler: BaseHTTPRequestHandler, found: Reply) -> None:
    try:
        handler.send_response(found.status)
        for name, value in found.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(found.body) + found.missing))
        handler.end_headers()
        handler.wfile.write(found.body)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the client gave up waiting, as it was meant to
