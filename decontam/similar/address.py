"""An OpenAI-compatible address, asked with patience and without telling its key."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

LONGEST_WAIT_S = 60.0
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})


class AddressError(RuntimeError):
    """An address gave no usable answer.

    Attributes:
        status: The HTTP status of the last answer; None if there was none.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Address:
    """Where a model is served, and how long to try.

    Raises:
        ValueError: the address is not a plain http(s) address, or holds a password.
    """

    url: str
    """Up to and including the version: `http://127.0.0.1:8000/v1`."""
    key_variable: str | None = None
    """Environment variable that holds the key, read at each request; None sends no key."""
    timeout_s: float = 60.0
    """Longest silence of the server, in seconds."""
    attempts: int = 5
    """Requests made before giving up on 408, 425, 429, 5xx, silence, or a broken answer."""
    wait_s: float = 1.0
    """Seconds before the second attempt; doubled after each.  A greater `Retry-After` in seconds
    is kept to, up to `LONGEST_WAIT_S`."""

    def __post_init__(self) -> None:
        if not _plain(self.url):
            # the address may hold a password, so the message does not repeat it
            raise ValueError(
                "the address of a model server must read http(s)://host/v1, without a user, "
                "password or query; put a key in an environment variable"
            )
        if self.attempts < 1 or self.timeout_s <= 0 or self.wait_s < 0:
            raise ValueError(
                f"attempts {self.attempts}, timeout_s {self.timeout_s}, wait_s {self.wait_s}: "
                "make them at least 1, above 0 and at least 0"
            )

    def connect(self) -> httpx.Client:
        """A client for some requests; closed by its `with` block, and safe to share by threads."""
        return httpx.Client(timeout=self.timeout_s, follow_redirects=False)


def post(client: httpx.Client, address: Address, path: str, body: Mapping[str, object]) -> object:
    """Send JSON and return the JSON that comes back.

    Raises:
        AddressError: refused, or no usable answer after all attempts; the message never holds the
            key.
        ValueError: the variable that should hold the key is not set, or holds no key.
    """
    url = address.url.rstrip("/") + path
    key = _key(address.key_variable)
    error = AddressError(f"{url} was not asked")
    for attempt in range(address.attempts):
        if attempt:
            time.sleep(_wait(address, attempt, error))
        try:
            return _once(client, url, key, body)
        except _AgainError as again:
            error = again
    raise AddressError(
        f"{error} ({address.attempts} attempts); see that the server is up, or allow more attempts",
        error.status,
    )


class _AgainError(AddressError):
    """Worth another attempt, after so many seconds if the server says."""

    def __init__(self, message: str, status: int | None = None, after_s: float = 0.0) -> None:
        super().__init__(message, status)
        self.after_s = after_s


def _once(client: httpx.Client, url: str, key: str | None, body: Mapping[str, object]) -> object:
    headers = {"Content-Type": "application/json"} | (
        {"Authorization": f"Bearer {key}"} if key else {}
    )
    try:
        # escaped to ASCII, so that half of a surrogate pair in a row cannot break the request
        answer = client.post(url, content=json.dumps(body).encode(), headers=headers)
    except httpx.RequestError as error:
        raise _AgainError(f"{url}: {type(error).__name__} {_hidden(str(error), key)}") from None
    if answer.status_code in _AGAIN:
        raise _AgainError(_said(url, answer, key), answer.status_code, _retry_after(answer))
    if answer.status_code != 200:
        raise AddressError(_said(url, answer, key), answer.status_code)
    try:
        return answer.json()
    except (ValueError, RecursionError):
        raise _AgainError(f"{_said(url, answer, key)}; that is not JSON", 200) from None


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


def _said(url: str, answer: httpx.Response, key: str | None) -> str:
    return f"{url} answered {answer.status_code}: {_hidden(answer.text, key)[:200]!r}"


def _hidden(text: str, key: str | None) -> str:
    """A server may repeat what it was sent."""
    return text.replace(key, "[key]") if key else text


def _wait(address: Address, attempt: int, error: AddressError) -> float:
    asked = error.after_s if isinstance(error, _AgainError) else 0.0
    return float(min(max(address.wait_s * 2 ** (attempt - 1), asked), LONGEST_WAIT_S))


def _retry_after(answer: httpx.Response) -> float:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() and value.isascii() else 0.0


def _key(variable: str | None) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise ValueError(
            f"the environment variable {variable} holds no key that can be sent; set it, or name "
            "no variable for a server without a key"
        )
    return key
