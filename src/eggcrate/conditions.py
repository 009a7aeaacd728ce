"""What the condition of a section, ``[name:expression]``, depends on besides this Python."""

import ast
from collections.abc import Iterable, Iterator

# Of what zc.buildout offers to an expression; the rest of it says which Python and system it is.
_PROCESS = "os"
_VARIABLES = {"environ", "getenv"}
_FIXED = {"name", "sep", "linesep", "pathsep"}
# What else an expression may call without learning anything about the world.
_PLAIN = {"abs", "all", "any", "bool", "int", "len", "max", "min", "set", "sorted", "str", "tuple"}


def expressions(lines: Iterable[str]) -> Iterator[str]:
    """Yield the expressions in the lines of a configuration file."""
    from zc.buildout.configparser import section_header

    for line in lines:
        header = section_header(line)
        if header and header.group("expression"):
            yield header.group("expression").replace(r"\x23", "#").replace(r"\x3b", ";")


def variables(expression: str) -> set[str] | None:
    """Return the variables of the environment that an expression may read, None if it reads more.

    Environment markers (PEP 508) are about the Python that runs.
    """
    from packaging.markers import InvalidMarker, Marker

    try:
        Marker(expression)
        return set()
    except InvalidMarker:
        pass
    try:
        return _read(ast.walk(ast.parse(expression.strip(), mode="eval")))
    except SyntaxError:  # which zc.buildout will report
        return None


def _read(nodes: Iterable[ast.AST]) -> set[str] | None:
    from zc.buildout.buildout import _default_globals

    known = _PLAIN | set(_default_globals())
    found: set[str] = set()
    asked = False
    for node in nodes:
        if isinstance(node, ast.Name) and node.id not in known:
            return None
        if isinstance(node, ast.Attribute) and _is_process(node.value):
            if node.attr not in _VARIABLES | _FIXED:
                return None
            asked |= node.attr in _VARIABLES
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)  # one of them is the name
    return found if asked else set()


def _is_process(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == _PROCESS
