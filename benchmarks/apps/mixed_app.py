"""Fast and slow views in one application, in Flask."""

import time

from flask import Flask

from common import HELLO

# What a request waits for: a database, another service.
DELAY = 0.2
# What a request computes: some tens of milliseconds, all of them with the interpreter's lock.
NUMBERS = 400_000

app = Flask(__name__)


@app.route("/")
def fast():
    return HELLO


@app.route("/sleep")
def sleep():
    time.sleep(DELAY)
    return HELLO


@app.route("/compute")
def compute():
    total = 0
    for number in range(NUMBERS):
        total += number * number
    return str(total)
