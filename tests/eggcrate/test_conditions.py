import json

import pytest

from support.scratch import PROJECT, run

CODE = """\
import json, sys
from eggcrate import conditions
found = map(conditions.variables, json.loads(sys.argv[1]))
lines = json.loads(sys.argv[2])
print(json.dumps([[None if one is None else sorted(one) for one in found],
                  list(conditions.expressions(lines))]))
"""

# Expression -> the variables that it may read, None if it may read more than variables.
EXPRESSIONS = {
    "python_version < '3.12'": [],
    "platform_system == 'Linux' and extra == ''": [],
    "sys.version_info > (3, 11)": [],
    "cpython and linux or not re.match('a', platform.node())": [],
    "len(sys.argv) > 1": [],
    "os.name == 'posix'": [],
    "os.environ.get('WITH_TOOLS') == 'yes'": ["WITH_TOOLS", "yes"],
    "'CI' in os.environ": ["CI"],
    "os.getenv('A') or os.environ['B']": ["A", "B"],
    "os.path.exists('/etc/x')": None,
    "open('/etc/x').read()": None,
    "__import__('time').time() > 1": None,
    "os.listdir('.')": None,
    "os.environ.get(": None,
}
LINES = ["[a]\n", "[b: linux] # comment\n", "b = [c: x]\n", "  [d: x]\n", r"[e:'\x23' in 'x']"]


@pytest.fixture(scope="module")
def answers():
    python = PROJECT / "parts/buildout/bin/python"
    if not python.is_file():
        pytest.skip("parts/buildout is missing: run python3 bootstrap.py")
    given = [json.dumps(list(EXPRESSIONS)), json.dumps(LINES)]
    found = run([python, "-c", CODE, *given], cwd=PROJECT, environ={"PYTHONPATH": PROJECT / "src"})
    return json.loads(found.stdout)


def test_variables(answers):
    assert dict(zip(EXPRESSIONS, answers[0], strict=True)) == EXPRESSIONS


def test_expressions_are_those_of_headers(answers):
    assert [expression.strip() for expression in answers[1]] == ["linux", "'#' in 'x'"]
