"""Files wherever they lie: on this machine, or in a store that ``pyarrow.fs`` knows, such as
``s3://bucket/name``."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: What a store is named with, before its way.
_MARK = "://"


def is_remote(path: str) -> bool:
    """Whether a path leads into a store."""
    return _MARK in path and not path.startswith("file://")


def _resolve(uri: str) -> tuple[Any, str]:
    try:
        from pyarrow import fs
    except ImportError as e:
        raise ImportError(
            f"{uri}: stores are read through pyarrow: pip install 'proofmark[ray]'"
        ) from e
    found: tuple[Any, str] = fs.FileSystem.from_uri(uri)
    return found


def _ending(uri: str) -> str:
    """The ending of a name, without a query."""
    return os.path.splitext(uri.split("?", 1)[0])[1]


def listed(folder: str) -> list[str]:
    """The files below a folder, here or in a store; what is a file itself stands alone."""
    from pyarrow import fs

    if not is_remote(folder):
        folder = folder.removeprefix("file://")
        if not os.path.isdir(folder):
            return [folder]
        below = [os.path.join(d, name) for d, _, names in os.walk(folder) for name in names]
        return sorted(below)
    store, path = _resolve(folder)
    if store.get_file_info(path).type == fs.FileType.File:
        return [folder]
    scheme, rest = folder.split(_MARK, 1)
    query = "?" + rest.split("?", 1)[1] if "?" in rest else ""
    found = store.get_file_info(fs.FileSelector(path, recursive=True))
    files = [info.path for info in found if info.type == fs.FileType.File]
    return [f"{scheme}{_MARK}{file}{query}" for file in sorted(files)]


@contextmanager
def local(uri: str) -> Iterator[str]:
    """A path to what is at ``uri``: itself, or a copy that is gone in the end."""
    if not is_remote(uri):
        yield uri.removeprefix("file://")
        return
    with tempfile.TemporaryDirectory(prefix="proofmark-") as folder:
        copy = os.path.join(folder, "file" + _ending(uri))
        if not fetch(uri, copy):
            raise FileNotFoundError(f"{uri}: is not there; check the name and its permissions")
        yield copy


@contextmanager
def room(uri: str) -> Iterator[str]:
    """A path for what is to become ``uri``: itself, or one in a folder that is gone in the end."""
    if not is_remote(uri):
        yield uri.removeprefix("file://")
        return
    with tempfile.TemporaryDirectory(prefix="proofmark-") as folder:
        yield os.path.join(folder, "target" + _ending(uri))


def fetch(uri: str, to: str) -> bool:
    """Copies an object to a file; False if there is none."""
    from pyarrow import fs

    store, path = _resolve(uri)
    if store.get_file_info(path).type != fs.FileType.File:
        return False
    with store.open_input_stream(path) as given, open(to, "wb") as made:
        shutil.copyfileobj(given, made, 1 << 20)
    return True


def send(path: str, uri: str) -> None:
    """Copies a file to an object, which appears whole."""
    store, to = _resolve(uri)
    with open(path, "rb") as given, store.open_output_stream(to) as made:
        shutil.copyfileobj(given, made, 1 << 20)
