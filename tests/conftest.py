"""What all tests share: `NO_SKIPS=1`, for a machine on which everything must run.

A variable and not an option, because some tests run pytest in projects of their own.
"""

import os

import pytest

# Skips that are allowed everywhere, each with the reason why no machine can be asked to run it.
EXPLAINED_SKIPS = {
    "root": "permissions cannot be refused to root, and continuous integration runs as root",
}


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter):
    for reason in unexplained(terminalreporter):
        terminalreporter.write_line(f"not allowed to be skipped here: {reason}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if unexplained(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def unexplained(reporter):
    if not os.environ.get("NO_SKIPS"):
        return []
    reasons = [(report.nodeid, report.longrepr[2]) for report in reporter.stats.get("skipped", ())]
    return [
        f"{name}: {reason}"
        for name, reason in reasons
        if not any(explained in reason for explained in EXPLAINED_SKIPS)
    ]
