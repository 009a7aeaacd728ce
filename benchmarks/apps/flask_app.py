"""The application in Flask, for Carboy."""

from flask import Flask, Response, render_template, request

from common import HELLO, ITEMS, TITLE, describe

app = Flask(__name__)


@app.route("/")
def index():
    return HELLO


@app.route("/environ")
def environ():
    return Response(describe(request.environ), mimetype="text/plain")


@app.route("/template")
def template():
    return render_template("jinja2.html", title=TITLE, items=ITEMS)
