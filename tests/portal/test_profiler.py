"""portal/profiler.py"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from portal import create_app
from portal.database import db

pytest.importorskip("flask_debugtoolbar", reason="the toolbar is not among the production eggs")


def test_requests_at_the_same_time_all_succeed():
    app = create_app({"DEBUG": True, "SECRET_KEY": "only for this test, and long"})
    both = Barrier(2, timeout=30)
    app.add_url_rule("/at/once", endpoint="once", view_func=lambda: f"<body>{both.wait()}</body>")
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(app.test_client().get, "/at/once") for _ in range(2)]
        texts = [future.result() for future in futures]
    assert [response.status_code for response in texts] == [200, 200]
    profiled = ["flDebugProfilerPanel-content" in r.text and "ncalls" in r.text for r in texts]
    assert len(profiled) == 2
    with app.app_context():
        db.engine.dispose()
