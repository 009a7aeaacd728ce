"""What all tests share: `--no-skips`, for a machine on which everything must run."""

import pytest

# Skips that are allowed everywhere, each with the reason why no machine can be asked to run it.
EXPLAINED_SKIPS = {
    "root": "permissions cannot be refused to root, and continuous integration runs as root",
}


def pytest_addoption(parser):
    parser.addoption(
        "--no-skips",
        action="store_true",
        help="fail if a test is skipped, except for the explained list in tests/conftest.py",
    )


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config):
    for reason in unexplained(terminalreporter, config):
        terminalreporter.write_line(f"not allowed to be skipped here: {reason}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if unexplained(reporter, session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def unexplained(reporter, config):
    if not config.getoption("--no-skips"):
        return []
    reasons = [(report.nodeid, report.longrepr[2]) for report in reporter.stats.get("skipped", ())]
    return [
        f"{name}: {reason}"
        for name, reason in reasons
        if not any(explained in reason for explained in EXPLAINED_SKIPS)
    ]
