"""Texts as vectors, from a server, and the nearest items by exact inner product."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evals.engines.background import Emit, iterate
from evals.engines.server import Server, ServerError

Vectors = NDArray[np.float32]
"""Unit vectors, [texts, dimensions]."""

BLOCK = 8_192
"""Items compared at a time: with 1,000 windows, 32 MB of products."""


class Embedder(Protocol):
    """Turns texts into unit vectors of one dimension, in their order.

    It finds translations only if its model was trained on both languages: an English one
    (all-MiniLM-L6-v2) puts none of MGSM's questions near their originals.
    """

    def __call__(self, texts: Sequence[str], /) -> Vectors:
        """Embed texts, of which there is at least one."""
        ...


@dataclass(frozen=True, slots=True)
class HttpEmbedder:
    """A model behind an OpenAI-compatible `/embeddings`."""

    server: Server
    model: str
    batch: int = 64
    """Texts in a request."""
    prefix: str = ""
    """Put before each text, for models that want one (E5: `query: `)."""

    def __call__(self, texts: Sequence[str], /) -> Vectors:
        """Embed texts.

        Raises:
            ServerError: no answer, or one that is not one finite, nonzero vector of the same
                dimension for each text.
        """

        async def produce(emit: Emit[Vectors]) -> None:
            async with self.server.connect(1) as client:
                for group in _groups(texts, self.batch):
                    read = functools.partial(_vectors, count=len(group), url=url)
                    body = self._body(group)
                    emit(await self.server.ask(client, "POST", "/embeddings", read, body=body))

        url = self.server.base_url
        parts = list(iterate(produce))
        if len({part.shape[1] for part in parts}) > 1:
            raise ServerError(f"{url} changed the dimension of its embeddings")
        return np.concatenate(parts)

    def _body(self, texts: Sequence[str]) -> Mapping[str, object]:
        return {
            "model": self.model,
            "input": [self.prefix + text for text in texts],
            "encoding_format": "float",
        }


@dataclass(frozen=True, slots=True)
class Near:
    """A query and an item whose vectors point the same way."""

    query: int
    item: int
    cosine: float


def embed(embedder: Embedder, texts: Sequence[str], limit: int) -> Vectors:
    """Embed the first `limit` characters of texts, equal texts once, and check what comes back.

    Raises:
        ValueError: not one unit vector for each text.
    """
    cut = [text[:limit] for text in texts]
    distinct = list(dict.fromkeys(cut))
    found = np.asarray(embedder(distinct), dtype=np.float32)
    if found.ndim != 2 or len(found) != len(distinct):
        raise ValueError(f"{len(distinct)} texts were embedded as {found.shape}; give one row each")
    if not np.allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-3):
        raise ValueError("embeddings are not of unit length; divide each by its norm")
    place = {text: k for k, text in enumerate(distinct)}
    vectors: Vectors = found[[place[text] for text in cut]]
    return vectors


def nearest(queries: Vectors, items: Vectors, least: float, top_k: int) -> list[Near]:
    """The up to `top_k` items of at least a cosine for each query, by exact inner product.

    Ties go to the earlier item.  Blocks bound the memory, not the result.

    Raises:
        ValueError: queries and items have different dimensions.
    """
    if queries.shape[1] != items.shape[1]:
        raise ValueError(
            f"rows are embedded in {queries.shape[1]} dimensions and items in {items.shape[1]}; "
            "use one model for both"
        )
    found = np.empty((0, 3))
    for low in range(0, len(items), BLOCK):
        products = queries @ items[low : low + BLOCK].T
        query, item = np.nonzero(products >= least)
        block = np.column_stack([query, item + low, products[query, item]])
        found = _top(np.concatenate([found, block]), top_k)
    return [Near(int(query), int(item), float(cosine)) for query, item, cosine in found]


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Vectors divided by their lengths.

    Raises:
        ValueError: a vector is zero or not finite, so it points nowhere.
    """
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths) & (lengths > 0)):
        raise ValueError("an embedding is zero or not finite")
    found: Vectors = (vectors / lengths).astype(np.float32)
    return found


def _top(found: NDArray[np.float64], top_k: int) -> NDArray[np.float64]:
    """The best `top_k` of each query, among (query, item, cosine)."""
    ordered = found[np.lexsort((found[:, 1], -found[:, 2], found[:, 0]))]
    first = np.searchsorted(ordered[:, 0], ordered[:, 0], side="left")
    kept: NDArray[np.float64] = ordered[np.arange(len(ordered)) - first < top_k]
    return kept


def _groups(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for low in range(0, len(texts), size):
        yield texts[low : low + size]


def _vectors(answer: object, count: int, url: str) -> Vectors:
    """Read the answer of `/embeddings`, whose entries may come in any order."""
    data = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(data, list) or not all(isinstance(entry, Mapping) for entry in data):
        raise ServerError(f"{url} answered without a list 'data'; is it an embeddings server?")
    try:
        places = {entry.get("index", k): entry["embedding"] for k, entry in enumerate(data)}
        if len(data) != count or set(places) != set(range(count)):
            raise ValueError(f"{len(data)} embeddings for {count} texts")
        # reading into one array fails for vectors of several lengths
        found = np.array([[*places[k]] for k in range(count)], dtype=np.float64)
        return unit(found)
    except (KeyError, ValueError, TypeError) as error:
        raise ServerError(f"{url} answered what cannot be read as embeddings: {error}") from None
