"""What all applications answer, so that they answer the same bytes."""

HELLO = "Hello, world!"

# What `/environ` shows: what every server says in the same words.
_NAMES = (
    "REQUEST_METHOD",
    "PATH_INFO",
    "SERVER_PROTOCOL",
    "HTTP_USER_AGENT",
    "HTTP_ACCEPT",
    "HTTP_ACCEPT_LANGUAGE",
    "HTTP_ACCEPT_ENCODING",
    "HTTP_REFERER",
    "HTTP_COOKIE",
    "HTTP_CACHE_CONTROL",
    "HTTP_SEC_FETCH_DEST",
    "HTTP_SEC_FETCH_MODE",
    "HTTP_SEC_FETCH_SITE",
    "HTTP_UPGRADE_INSECURE_REQUESTS",
)

# What `/template` is made from: text that has to be escaped, and a loop.
TITLE = "Fish & chips"
ITEMS = ("haddock", "chips", "mushy peas", "tartare sauce")


def describe(environ):
    """Return the request as text: a line for each variable that it has."""
    return "".join(f"{name} = {environ[name]}\n" for name in _NAMES if name in environ)
