"""The portal for servers that take no arguments; its settings come from the environment."""

from portal import create_app

application = create_app()
