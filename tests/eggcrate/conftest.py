from pathlib import Path

import pytest

from support import assortment, settled, shop, twins
from support.scratch import Scratch


@pytest.fixture
def scratch(tmp_path):
    """A project that is not built yet."""
    return Scratch(tmp_path / "project")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A project that is built once for a module, in a folder with an awkward name."""
    return Scratch(Path(tmp_path_factory.mktemp("built")) / "it's a b\\u ü").build()


@pytest.fixture(scope="session")
def stock(tmp_path_factory):
    """The command that builds without eggcrate: zc.buildout as it is."""
    return twins.stock_environment(tmp_path_factory.mktemp("stock-tools"))


@pytest.fixture(scope="module")
def pair(stock, tmp_path_factory):
    """Two projects, one without eggcrate, and a folder of distributions for both: `links`."""
    folder = tmp_path_factory.mktemp("pair")
    assortment.fill(folder / "links")
    return twins.make(folder, stock)


@pytest.fixture
def pub(tmp_path):
    """A project whose distributions come from an index on this machine, and are locked."""
    with shop.opened(tmp_path) as opened:
        yield opened


@pytest.fixture
def still(scratch):
    """A project in which nothing has changed since it was built."""
    settled.fill(scratch).bootstrap()
    settled.build(scratch)
    return scratch
