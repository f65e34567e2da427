"""Wall time from the command to its first request, and of a run that finds all in the cache.

    python benchmarks/evals/startup.py [--rounds 5] [--root DIR]

`python -m evals run --suite mini-dev` with the embedded model, and with a server that is asked
over HTTP; beside it what the imports take alone.  Each figure is the seconds from the start of
the process, least and median of the rounds.  `--root`: another checkout, to compare with.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MODEL = "recipe/tiny/model"

STAMPED = """
import sys, time
import evals.commands.run_engine as command
from evals.__main__ import main

def stamp(what):
    sys.stdout.write(f"{what} {time.time()}\\n")
    sys.stdout.flush()

class Stamped:
    def __init__(self, engine):
        self._engine = engine
    def __getattr__(self, name):
        return getattr(self._engine, name)
    def generate(self, requests):
        stamp("request")
        for row in self._engine.generate(requests):
            stamp("answer")
            yield row

def stamped(make):
    return lambda args: Stamped(make(args))

if __name__ == "__main__":
    command.ENGINES = {name: stamped(make) for name, make in command.ENGINES.items()}
    sys.exit(main(sys.argv[1:]))
"""
BARE = f"""
import torch, transformers, lm_eval.evaluator
transformers.AutoTokenizer.from_pretrained("{MODEL}")
transformers.AutoModelForCausalLM.from_pretrained("{MODEL}", dtype=torch.float32)
"""


def embedded(root: Path, folder: Path) -> dict[str, float]:
    """Seconds until a request reaches the engine, and until its first answer is there."""
    stamped = folder / "stamped.py"
    stamped.write_text(STAMPED)
    started = time.time()
    process = subprocess.Popen(
        [sys.executable, stamped, "run", "--model", MODEL, "--suite", "mini-dev", "--out", folder],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    found: dict[str, float] = {}
    for line in process.stdout or ():
        what, when = line.split()
        found.setdefault(what, float(when) - started)
        if "answer" in found:
            process.kill()
            break
    process.wait()
    return {"request": found["request"], "answer": found["answer"]}


def served(root: Path, folder: Path) -> dict[str, float]:
    """Seconds until a server gets its first question."""
    asked = threading.Event()
    when: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say({"data": [{"id": "m"}]})

        def do_POST(self) -> None:
            when.append(time.time())
            asked.set()
            message = {"role": "assistant", "content": "7"}
            self._say({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                       "usage": {"prompt_tokens": 1, "completion_tokens": 1}})  # fmt: skip

        def _say(self, body: Mapping[str, Any]) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_request(self, *_args: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_args: Any) -> None:
            # The client is killed at its first question.
            return

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    started = time.time()
    process = subprocess.Popen(
        [sys.executable, "-m", "evals", "run", "--engine", "openai", "--model", "m", "--suite",
         "mini-dev", "--base-url", f"http://127.0.0.1:{server.server_port}/v1", "--out", folder],
        cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if not asked.wait(300):
        raise RuntimeError("the server was not asked")
    process.kill()
    process.wait()
    server.shutdown()
    return {"request": when[0] - started}


def whole(*command: str | Path) -> Callable[[Path], dict[str, float]]:
    """Seconds until a command has ended."""

    def timed(root: Path) -> dict[str, float]:
        started = time.time()
        subprocess.run([sys.executable, *command], cwd=root, check=True, capture_output=True)
        return {"end": time.time() - started}

    return timed


def measured(root: Path, rounds: int) -> Iterator[tuple[str, list[float]]]:
    """Figure -> its seconds, the rounds of all figures interleaved."""
    with tempfile.TemporaryDirectory() as kept:
        again = whole(
            "-m", "evals", "run", "--model", MODEL, "--suite", "mini-dev", "--limit", "100",
            "--out", kept,
        )  # fmt: skip
        again(root)
        found: dict[str, list[float]] = {}
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
                told = {
                    "import torch": whole("-c", "import torch")(root),
                    "imports and model alone": whole("-c", BARE)(root),
                    "embedded model": embedded(root, Path(one)),
                    "server": served(root, Path(other)),
                    "all in the cache, 300 items": again(root),
                }
            for what, seconds in told.items():
                for name, value in seconds.items():
                    found.setdefault(f"{what}: {name}", []).append(value)
    yield from found.items()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--root", type=Path, default=ROOT)
    args = parser.parse_args()
    for what, seconds in measured(args.root.resolve(), args.rounds):
        print(f"{what}: least {min(seconds):.2f} s, median {statistics.median(seconds):.2f} s")


if __name__ == "__main__":
    main()
