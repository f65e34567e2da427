"""An engine in a process of its own, which starts while the tasks are being prepared."""

from __future__ import annotations

import functools
import gc
import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Literal

from evals.engines.generation import Engine, Generation, Likelihood, Request


@dataclass(frozen=True, slots=True)
class _Said:
    """What the process says: a part of an answer, its end, or what went wrong."""

    kind: Literal["part", "end", "ValueError", "OSError", "defect"]
    value: Any = None


class EngineProcess:
    """An engine that is made in a process of its own, and asked over a pipe.

    To import torch and transformers takes longer than all else before the first answer; the two
    go on side by side.  Both ends of the pipe are this program's.
    """

    def __init__(self, make: Callable[[], Engine]) -> None:
        """Start the process; whatever is wrong with the engine is raised when it is first asked.

        Args:
            make: Makes the engine; a function of a module, or a `partial` of one.
        """
        # A forked process could not use a GPU that this one has touched.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make), daemon=True)
        self._process.start()
        theirs.close()

    @functools.cached_property
    def identity(self) -> Mapping[str, str]:
        """The engine's."""
        return dict(self._one("identity"))

    @functools.cached_property
    def tokenizer_name(self) -> str:
        """The engine's."""
        return str(self._one("tokenizer_name"))

    def chat(self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool) -> str:
        """The engine's."""
        return str(self._one("chat", [dict(m) for m in messages], add_generation_prompt))

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Generation]]:
        """Answer requests, each as soon as the engine has it."""
        return self._ask("generate", list(requests))

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[int, Likelihood]]:
        """Score pairs, each as soon as the engine has it."""
        return self._ask("loglikelihood", list(pairs))

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._process.terminate()
        self._process.join()
        self._pipe.close()

    def _one(self, what: str, *arguments: Any) -> Any:
        (value,) = self._ask(what, *arguments)
        return value

    def _ask(self, what: str, *arguments: Any) -> Iterator[Any]:
        """The parts of an answer.

        Raises:
            ValueError: as the engine.
            OSError: as the engine.
            RuntimeError: the engine raised anything else, or its process has ended.
        """
        whole = False
        try:
            self._pipe.send((what, arguments))
            while (said := self._pipe.recv()).kind == "part":
                yield said.value
            whole = True
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            self._process.join()
            raise RuntimeError(
                f"the engine's process ended with exit code {self._process.exitcode}"
            ) from error
        finally:
            if not whole:
                # What is left of the answer would be taken for the next one's.
                self.close()
        if said.kind != "end":
            raise _ERRORS[said.kind](said.value)


_ERRORS: Mapping[str, type[Exception]] = {
    "ValueError": ValueError,
    "OSError": OSError,
    "defect": RuntimeError,
}


def _serve(pipe: Connection, make: Callable[[], Engine]) -> None:
    """Answer until the other end is closed."""
    # Ctrl-C reaches both processes: the other one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = _made(make)
    try:
        while True:
            what, arguments = pipe.recv()
            for said in _answer(engine, what, arguments):
                pipe.send(said)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _made(make: Callable[[], Engine]) -> Engine | _Said:
    # Importing makes no garbage, and a tenth of its time would go into looking for some.
    gc.disable()
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - raised again where the engine is asked
        return _wrong(error)
    finally:
        gc.freeze()
        gc.enable()


def _answer(engine: Engine | _Said, what: str, arguments: Sequence[Any]) -> Iterator[_Said]:
    if isinstance(engine, _Said):
        yield engine
        return
    try:
        for part in _QUESTIONS[what](engine, *arguments):
            yield _Said("part", part)
    except Exception as error:  # noqa: BLE001 - raised again where the engine is asked
        yield _wrong(error)
    else:
        yield _Said("end")


_QUESTIONS: Mapping[str, Callable[..., Iterable[Any]]] = {
    "identity": lambda engine: [dict(engine.identity)],
    "tokenizer_name": lambda engine: [engine.tokenizer_name],
    "chat": lambda engine, messages, begin: [engine.chat(messages, add_generation_prompt=begin)],
    "generate": lambda engine, requests: engine.generate(requests),
    "loglikelihood": lambda engine, pairs: engine.loglikelihood(pairs),
}


def _wrong(error: Exception) -> _Said:
    for kind in ("ValueError", "OSError"):
        if isinstance(error, _ERRORS[kind]):
            return _Said(kind, str(error))
    return _Said("defect", "".join(traceback.format_exception(error)))
