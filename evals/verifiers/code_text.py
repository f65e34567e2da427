"""The program in a response: out of fences and prose, joined to the prompt that it continues."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[^\s`{]*)[^`\n]*$")
_PYTHON = frozenset({"python", "py", "python3", "python2", "pycon", "ipython", "sage"})
_MOST_STARTS = 32
_FIRST_LINE = re.compile(r"(?:async\s+def|def|class|import|from|@)\b|@\w")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_DEFINITIONS = (*_FUNCTIONS, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)


def program_of(response: str, *, entry_point: str | None = None, prompt: str = "") -> str | None:
    """The program that a response stands for.

    Args:
        response: The model's text: code, fenced code within prose, or the continuation of
            `prompt`.
        entry_point: The name that the tests call.
        prompt: The code that the response may continue, up to the body of a function.

    Returns:
        Source text, which may still be wrong Python; None where there is no code.
    """
    text = response.replace("\r\n", "\n")
    blocks = fenced_blocks(text)
    if blocks:
        code = _joined(blocks, entry_point)
    elif prompt and (_starts_indented(text) or not _whole(text, entry_point)):
        code = text
    else:
        code = _whole(text, entry_point) or text
    if not code.strip():
        return None
    return _completed(prompt, code, entry_point) if prompt else textwrap.dedent(code)


def fenced_blocks(text: str) -> list[str]:
    """Contents of fenced blocks of Python, or of no stated language where none is of Python.

    A block whose fence is not closed reaches to the end.
    """
    found = list(_fenced(text.split("\n")))
    python = [block for language, block in found if language in _PYTHON]
    return python or [block for language, block in found if not language]


def _fenced(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    opened: re.Match[str] | None = None
    inside: list[str] = []
    for line in lines:
        fence = _FENCE.match(line)
        if opened is None:
            opened, inside = fence, []
        elif fence and _closes(fence, opened):
            yield opened["language"].lower(), _unindented(inside, opened["indent"])
            opened = None
        else:
            inside.append(line)
    if opened is not None:
        yield opened["language"].lower(), _unindented(inside, opened["indent"])


def _closes(fence: re.Match[str], opened: re.Match[str]) -> bool:
    same = fence["mark"][0] == opened["mark"][0] and len(fence["mark"]) >= len(opened["mark"])
    return same and not fence["language"]


def _unindented(lines: Sequence[str], indent: str) -> str:
    """Lines of a block less the indentation of its fence, as in an item of a list."""
    return "\n".join(line.removeprefix(indent) for line in lines)


def _joined(blocks: Sequence[str], entry_point: str | None) -> str:
    """The last block that defines the entry point, after the definitions of those before it.

    Blocks after it are examples of use; statements before it are, too.
    """
    tidy = [b if _tree(b) is not None else textwrap.dedent(b) for b in blocks]
    last = next((i for i in range(len(tidy) - 1, -1, -1) if _defines(tidy[i], entry_point)), None)
    if last is None:
        # None of them does; a body that continues a prompt stands in the first.
        return blocks[0]
    earlier = [_definitions(block) for block in tidy[:last]]
    return "\n\n".join([*filter(None, earlier), tidy[last]])


def _definitions(block: str) -> str:
    tree, lines = _tree(block), block.split("\n")
    kept = [node for node in tree.body if isinstance(node, _DEFINITIONS)] if tree else []
    return "\n".join("\n".join(lines[_first_line(n) - 1 : n.end_lineno]) for n in kept)


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min(node.lineno, *(d.lineno for d in decorators)) if decorators else node.lineno


def _starts_indented(text: str) -> bool:
    return text.strip("\n")[:1].isspace()


def _whole(text: str, entry_point: str | None) -> str | None:
    """The lines, from one that may begin a program, that define the entry point, out of prose."""
    tidy = textwrap.dedent(text)
    if _tree(tidy) is not None:
        return tidy if _defines(tidy, entry_point) else None
    lines = tidy.split("\n")
    starts = [i for i, line in enumerate(lines) if _FIRST_LINE.match(line)]
    for start in starts[:_MOST_STARTS]:
        found = _longest("\n".join(lines[start:]), "")
        if found is not None and _defines(found, entry_point):
            return found
    return None


def _completed(prompt: str, code: str, entry_point: str | None) -> str:
    """A whole function after what the prompt defines before it; anything else as its body."""
    if _defines(code, entry_point):
        return f"{_before(prompt, entry_point)}\n{code}"
    return _continuation(prompt, code) or prompt + code


def _before(prompt: str, entry_point: str | None) -> str:
    """What a prompt holds before the function that is asked for."""
    name = re.escape(entry_point) if entry_point else r"\w+"
    found = list(re.finditer(rf"^(?:async\s+)?def\s+{name}\b", prompt, re.MULTILINE))
    return prompt[: found[-1].start()] if found else prompt


def _continuation(prompt: str, text: str) -> str | None:
    """The prompt and the longest start of a text that continues it as Python.

    The text's first line, or every line, may lack the indentation.
    """
    bare = text.strip("\n")
    first, line_end, rest = bare.partition("\n")
    as_it_is = [text] if _starts_indented(text) else []
    for body in (*as_it_is, f"    {first}{line_end}{rest}", textwrap.indent(bare, "    ")):
        found = _longest(body, prompt)
        if found is not None:
            return found
    return None


def _longest(text: str, prefix: str) -> str | None:
    """The prefix and as many lines of a text as are Python together; one at least that says
    something.

    The parser tells the line at which it gave up, so that few attempts are needed.
    """
    lines, before = text.split("\n"), prefix.count("\n")
    end = len(lines)
    while end > 0 and (taken := "\n".join(lines[:end])).strip():
        stopped = _error_line(prefix + taken)
        if stopped is None:
            return prefix + taken
        end = min(end, stopped - before) - 1
    return None


def _defines(code: str, entry_point: str | None) -> bool:
    """Whether code gives a value to the entry point at its top level; without one, whether it
    defines any function or class.
    """
    tree = _tree(code)
    if tree is None:
        return False
    if entry_point is None:
        return any(isinstance(node, _FUNCTIONS) for node in tree.body)
    return any(entry_point in _names(node) for node in tree.body)


def _names(node: ast.stmt) -> set[str]:
    """Names that a statement binds, those in its branches included."""
    if isinstance(node, _FUNCTIONS):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    if isinstance(node, ast.Assign):
        return {t.id for t in node.targets if isinstance(t, ast.Name)}
    if isinstance(node, ast.If | ast.Try | ast.With):
        return {name for inner in node.body for name in _names(inner)}
    return set()


def _tree(code: str) -> ast.Module | None:
    """The syntax tree; None for what is not Python, or nested deeper than the parser goes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _error_line(code: str) -> int | None:
    """The line at which Python gives up; None for what it can compile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(code, "<response>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno or 1
    except (ValueError, RecursionError, MemoryError):
        return 1
    return None
