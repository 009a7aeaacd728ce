"""portal/__init__.py: importing it costs and does nothing."""


def test_import_loads_no_flask(python):
    code = """if True:
        import sys, portal
        heavy = {"flask", "sqlalchemy", "alembic", "carboy"} & set(sys.modules)
        print(sorted(heavy), portal.__all__)
    """
    assert python(code).stdout == "[] ['create_app']\n"


def test_importing_every_module_opens_and_creates_nothing(python, root):
    code = """if True:
        import sys, os
        def audit(event, args):
            writing = event == "open" and isinstance(args[2], int) and args[2] & (
                os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writing or event in {"os.mkdir", "socket.connect", "sqlite3.connect"}:
                raise SystemExit(f"{event} {args}")
        sys.dont_write_bytecode = True
        sys.addaudithook(audit)
        import importlib, pkgutil, portal
        leave = {"portal.wsgi", "portal.migrations.env"}
        names = [m.name for m in pkgutil.walk_packages(portal.__path__, "portal.")]
        for name in names:
            if name not in leave:
                importlib.import_module(name)
        print(len(names) > 20)
    """
    assert python(code).stdout == "True\n"
    assert list(root.iterdir()) == []
