"""The application in Bottle. `python bottle_app.py PORT` serves it with Bottle's own server."""

import sys

from bottle import Bottle, request, response, run, template

from common import HELLO, ITEMS, TITLE, describe

app = Bottle()


@app.route("/")
def index():
    return HELLO


@app.route("/environ")
def environ():
    response.content_type = "text/plain; charset=utf-8"
    return describe(request.environ)


@app.route("/template")
def page():
    return template("bottle.tpl", title=TITLE, items=ITEMS, template_lookup=["templates"])


if __name__ == "__main__":
    run(app, host="127.0.0.1", port=int(sys.argv[1]), quiet=True)
