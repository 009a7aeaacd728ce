"""The distribution: what the project needs, as ranges; versions.cfg pins them."""

from setuptools import find_packages, setup

setup(
    name="carboy",
    version="0.1.0",
    description="A deployable Flask project managed by zc.buildout",
    license="MIT",
    python_requires=">=3.11",
    package_dir={"": "src"},
    packages=find_packages("src", exclude=["eggcrate", "eggcrate.*"]),  # not for who serves
    package_data={
        "": ["py.typed", "carboy.toml"],
        "portal": ["starter/*.md", "static/*", "templates/**/*.html", "migrations/*.mako"],
    },
    zip_safe=False,
    install_requires=[
        "blinker>=1.9",
        "flask>=3.1",
        "prometheus-client>=0.21",
        "waitress>=3.0.2",
        "werkzeug>=3.1",
    ],
    extras_require={
        "portal": [
            "alembic>=1.16",
            "flask-sqlalchemy-lite>=0.2",
            "markdown-it-py>=4",
            "nh3>=0.3",
            "psycopg[binary]>=3.2",
            "pyyaml>=6",
            "sqlalchemy>=2.0.40",
        ],
        "debug": [
            "flask-debugtoolbar>=0.16",
            "ipdb>=0.13.13",
        ],
        "test": [
            "hypothesis>=6.140",
            "pytest>=8",
            "pytest-timeout>=2.4",
            "webtest>=3",
        ],
    },
    entry_points={
        "console_scripts": ["serve = carboy:main"],
    },
)
