"""The application in Django, in one file and with the least middleware.

`python django_app.py runserver --noreload 127.0.0.1:PORT` serves it with Django's own server.
"""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path

from common import HELLO, ITEMS, TITLE, describe

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    WSGI_APPLICATION=f"{__name__}.app",
    SECRET_KEY="it signs nothing here",
    # For Content-Length, without which no connection is kept.
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": ["templates"],
        }
    ],
)


def index(request):
    return HttpResponse(HELLO)


def environ(request):
    return HttpResponse(describe(request.META), content_type="text/plain; charset=utf-8")


def template(request):
    return render(request, "django.html", {"title": TITLE, "items": ITEMS})


urlpatterns = [path("", index), path("environ", environ), path("template", template)]
app = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
