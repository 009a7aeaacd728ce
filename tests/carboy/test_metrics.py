import json
from collections import Counter
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from carboy import metrics
from carboy.figures import BUCKETS, Figures

FAMILIES = {
    "carboy_requests": "counter",
    "carboy_request_duration_seconds": "histogram",
    "carboy_requests_in_flight": "gauge",
    "carboy_queue_depth": "gauge",
    "carboy_busy_threads": "gauge",
    "carboy_threads": "gauge",
    "carboy_connections": "gauge",
    "carboy_refused": "counter",
    "carboy_log_lines_lost": "counter",
    "carboy_memory_bytes": "gauge",
    "carboy_generation": "gauge",
    "carboy_workers_wanted": "gauge",
    "carboy_workers": "gauge",
    "carboy_worker_restarts": "counter",
    "carboy_reloads": "counter",
    "carboy_ready": "gauge",
    "carboy_start_time_seconds": "gauge",
}


def families(figures):
    overview = SimpleNamespace(
        survey=SimpleNamespace(sum=lambda: figures),
        succession=SimpleNamespace(count=2, restarts=Counter(died=1)),
        generation=3,
        states=lambda: {"ready": 2},
        reloads=Counter(done=4),
        why_not_ready=lambda: "starting",
        started=1e9,
    )
    text = metrics.render(overview).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def samples(family):
    return {(s.name.removeprefix("carboy_"), *s.labels.values()): s.value for s in family.samples}


def test_every_family_is_there_before_the_first_request():
    found = families({})
    assert {name: family.type for name, family in found.items()} == FAMILIES
    assert all(family.documentation for family in found.values())
    assert samples(found["carboy_ready"]) == {("ready",): 0.0}


def test_the_figures_that_a_worker_sends():
    assert set(families(json.loads(json.dumps(Figures().snapshot())))) == set(FAMILIES)


def test_requests():
    family = families({"requests": {"GET 200": 3, "OTHER 501": 1}})["carboy_requests"]
    assert samples(family) == {
        ("requests_total", "GET", "200"): 3.0,
        ("requests_total", "OTHER", "501"): 1.0,
    }


def test_what_a_client_sends_cannot_forge_a_line():
    family = families({"requests": {'A"\n\\ 200': 1}})["carboy_requests"]
    assert samples(family) == {("requests_total", 'A"\n\\', "200"): 1.0}


@pytest.mark.parametrize("more", [[], [9, 9]])
def test_durations(more):
    counts = [1, 2, *[0] * (len(BUCKETS) - 2), 4, *more]
    family = families({"seconds": counts, "seconds_sum": 1.5})["carboy_request_duration_seconds"]
    found = samples(family)
    name = "request_duration_seconds"
    assert found[f"{name}_bucket", "0.001"] == 1
    assert found[f"{name}_bucket", "0.0025"] == 3
    assert found[f"{name}_bucket", "30.0"] == 3
    assert found[f"{name}_bucket", "+Inf"] == 7
    assert found[f"{name}_count",] == 7
    assert found[f"{name}_sum",] == 1.5


def test_refused_by_reason():
    family = families({"refused": {"queue": 2, "connections": 1}})["carboy_refused"]
    assert samples(family) == {
        ("refused_total", "queue"): 2.0,
        ("refused_total", "connections"): 1.0,
    }
