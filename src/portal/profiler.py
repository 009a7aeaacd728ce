"""The toolbar's profiler for a server with threads; named in `toolbar.PANELS`, never imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from flask_debugtoolbar.panels.profiler import ProfilerDebugPanel
from werkzeug import Request

# Since Python 3.12 a process has room for one cProfile at a time: a second one raises ValueError.
_one_at_a_time = Lock()


class ProfilerPanel(ProfilerDebugPanel):
    """Profile the view, unless another request is being profiled at this moment."""

    def process_view(
        self, request: Request, view_func: Callable[..., Any], view_kwargs: Mapping[str, Any]
    ) -> Callable[..., Any] | None:
        """Wrap `view_func`; it runs without a profile while another one is under way."""
        profiled = super().process_view(request, view_func, dict(view_kwargs))
        if profiled is None:
            return None

        def run(**kwargs: Any) -> Any:
            if not _one_at_a_time.acquire(blocking=False):
                self.is_active = False
                return view_func(**kwargs)
            try:
                return profiled(**kwargs)
            finally:
                _one_at_a_time.release()

        return run
