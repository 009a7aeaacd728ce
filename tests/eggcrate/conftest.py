from pathlib import Path

import pytest

from support.scratch import Scratch


@pytest.fixture
def scratch(tmp_path):
    """A project that is not built yet."""
    return Scratch(tmp_path / "project")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A project that is built once for a module, in a folder with an awkward name."""
    return Scratch(Path(tmp_path_factory.mktemp("built")) / "it's a b\\u ü").build()
