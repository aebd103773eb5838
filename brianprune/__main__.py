"""``python -m brianprune``: versions, and which backends work here."""

import platform

import brian2

from . import __version__, backends

if __name__ == "__main__":
    print(
        f"brianprune {__version__}, Brian2 {brian2.__version__}, Python {platform.python_version()}"
    )
    for backend in backends.BACKENDS:
        try:
            backends.get(backend)
            print(f"{backend:14} works here")
        except RuntimeError as error:
            print(f"{backend:14} {error}")
