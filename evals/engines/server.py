"""An OpenAI-compatible server: asked with patience, and never told on."""

from __future__ import annotations

import asyncio
import email.utils
import json
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

T = TypeVar("T")

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 60.0
"""Back-off doubles up to this; a longer `Retry-After` is kept to, up to `LONGEST_ASKED_S`."""
LONGEST_ASKED_S = 300.0
LARGEST_BODY = 64 * 2**20
"""Bytes of an answer."""
SHOWN = 300
"""Characters of a server's message that an error repeats."""

_AGAIN = frozenset({408, 409, 425, 429})


class ServerError(ValueError):
    """A server gave no usable answer.

    Attributes:
        status: The HTTP status of the last answer; None if there was none.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class UnusableError(ServerError):
    """An answer that another attempt may better, after so many seconds if the server says."""

    def __init__(self, message: str, status: int | None = None, after_s: float = 0.0) -> None:
        super().__init__(message, status)
        self.after_s = after_s


@dataclass(frozen=True, slots=True)
class Server:
    """Where a model is served, and how long to try.

    Raises:
        ValueError: the address is no plain http(s) address, or a number is out of its range.
    """

    base_url: str
    """Up to and including the version: `http://127.0.0.1:8000/v1`."""
    api_key_env: str | None = "OPENAI_API_KEY"
    """Environment variable that holds the key, read when asked; unset or None, no key is sent."""
    timeout: float = 600.0
    """Seconds for one attempt, from connecting to the last byte."""
    retries: int = 8
    """Attempts after the first: by default about a minute and a half, time for a restart."""

    def __post_init__(self) -> None:
        if not _plain(self.base_url):
            # the address may hold a password, so the message does not repeat it
            raise ValueError(
                "the address of a model server must read http(s)://host/v1, without a user, "
                "password or query; put a key in an environment variable"
            )
        if self.timeout <= 0 or self.retries < 0:
            raise ValueError(
                f"timeout {self.timeout} and retries {self.retries}: make them above 0 and at "
                "least 0"
            )

    def connect(self, concurrency: int) -> httpx.AsyncClient:
        """A client for that many requests at a time; closed by its `async with` block."""
        return httpx.AsyncClient(
            headers=self._headers(),
            timeout=self.timeout,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        )

    async def ask(
        self,
        client: httpx.AsyncClient,
        method: str,
        url: str,
        read: Callable[[Any], T],
        *,
        body: Mapping[str, object] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> T:
        """Send a request until there is a usable answer.

        Args:
            client: From `connect`.
            method: GET or POST.
            url: Path below the base, or a whole address.
            read: Turns an answer's JSON into a result; raises UnusableError where it is broken.
            body: The JSON to send.
            stop: Says that no further attempt is wanted.

        Raises:
            ServerError: refused, or no usable answer after all attempts.
        """
        whole = url if "://" in url else self.base_url.rstrip("/") + url
        for attempt in range(self.retries + 1):
            try:
                return read(await self._once(client, method, whole, body))
            except UnusableError as error:
                if attempt == self.retries or stop():
                    raise ServerError(
                        f"{error} (attempt {attempt + 1} of {self.retries + 1})", error.status
                    ) from None
                await asyncio.sleep(_wait(attempt, error.after_s))
        raise AssertionError("unreachable")

    async def _once(
        self,
        client: httpx.AsyncClient,
        method: str,
        url: str,
        body: Mapping[str, object] | None,
    ) -> Any:
        # escaped to ASCII, so that half of a surrogate pair in a prompt cannot break the request
        content = None if body is None else json.dumps(body).encode()
        try:
            async with (
                asyncio.timeout(self.timeout),
                client.stream(method, url, content=content) as answer,
            ):
                raw = await _read(answer)
        except TimeoutError:
            raise UnusableError(f"{url}: no complete answer within {self.timeout:g} s") from None
        except httpx.RequestError as error:
            raise UnusableError(self._hide(f"{url}: {type(error).__name__} {error}")) from None
        self._require_ok(answer, raw)
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            said = self._said(answer, raw)
            raise UnusableError(f"{said}; that is not JSON", answer.status_code) from None

    def _require_ok(self, answer: httpx.Response, raw: bytes) -> None:
        status = answer.status_code
        if status in _AGAIN or status >= 500:
            raise UnusableError(self._said(answer, raw), status, _retry_after(answer))
        if answer.is_redirect:
            raise ServerError(
                f"{self._said(answer, raw)}; redirects are not followed, give the final address",
                status,
            )
        if status in (401, 403):
            raise ServerError(f"{self._said(answer, raw)}\n{self._sent()}", status)
        if status == 404:
            raise ServerError(
                f"{self._said(answer, raw)}; is the address complete (.../v1), and the model's "
                "name right?",
                status,
            )
        if status != 200:
            raise ServerError(self._said(answer, raw), status)

    def _said(self, answer: httpx.Response, raw: bytes) -> str:
        text = self._hide(_message(raw))
        shown = text[:SHOWN] + ("..." if len(text) > SHOWN else "")
        return f"{answer.request.url} answered {answer.status_code}: {shown!r}"

    def _hide(self, text: str) -> str:
        """A server may repeat what it was sent."""
        key = self._key()
        return text.replace(key, "[key]") if key else text

    def _headers(self) -> dict[str, str]:
        key = self._key()
        sent = {"Content-Type": "application/json", "Accept": "application/json"}
        return sent if key is None else {**sent, "Authorization": f"Bearer {key}"}

    def _key(self) -> str | None:
        key = os.environ.get(self.api_key_env or "", "").strip()
        if not (key.isascii() and key.isprintable()):
            raise ValueError(
                f"the environment variable {self.api_key_env} holds no key that can be sent: it "
                "has characters beyond printable ASCII"
            )
        return key or None

    def _sent(self) -> str:
        if self.api_key_env is None:
            return "no key was sent, as no environment variable was named for one"
        found = "is not set" if self._key() is None else "was sent"
        return f"the key is read from the environment variable {self.api_key_env}, which {found}"


def _plain(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return bool(
        parsed.scheme in ("http", "https")
        and parsed.host
        and not (parsed.userinfo or parsed.query or parsed.fragment)
    )


async def _read(answer: httpx.Response) -> bytes:
    parts, size = [], 0
    async for part in answer.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > LARGEST_BODY:
            raise ServerError(
                f"{answer.request.url} answered with more than {LARGEST_BODY} bytes",
                answer.status_code,
            )
    return b"".join(parts)


def _message(raw: bytes) -> str:
    """The server's own words: `error.message` or `message` of JSON, else the text."""
    text = raw.decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    error = found.get("error", found) if isinstance(found, dict) else found
    said = error.get("message", error) if isinstance(error, dict) else error
    return said if isinstance(said, str) else text


def _wait(attempt: int, asked_s: float) -> float:
    """Seconds before the next attempt: half to all of a doubling span, or what was asked for."""
    span: float = min(FIRST_WAIT_S * 2**attempt, LONGEST_WAIT_S)
    return max(span * random.uniform(0.5, 1.0), min(asked_s, LONGEST_ASKED_S))


def _retry_after(answer: httpx.Response) -> float:
    """`Retry-After` in seconds; it may be a number or a date (RFC 9110, section 10.2.3)."""
    value = answer.headers.get("Retry-After", "")
    if value.isascii() and value.replace(".", "", 1).isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0
