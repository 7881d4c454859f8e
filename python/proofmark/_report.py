"""What is said of files, with the names of the JSON reports (``docs/schema``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reason:
    """One of the reasons for a verdict. ``code`` is stable; ``text`` is for people."""

    code: str
    severity: str
    text: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """What to do next."""

    code: str
    text: str


class _Object(Mapping[str, Any]):
    """An object of a report: all of it as a mapping, the most important as attributes."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    @property
    def data(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return self._data


class Capacity(_Object):
    """What marked pictures carry, and what that should survive."""

    @property
    def evidence(self) -> float:
        """How much of the mark is in them; about 300 are needed to read it."""
        return float(self._data["evidence"])

    @property
    def outlook(self) -> str:
        """``unreadable``, ``fragile`` or ``ordinary``."""
        return str(self._data["outlook"])

    def __repr__(self) -> str:
        return f"Capacity(evidence={self.evidence:.0f}, outlook={self.outlook!r})"


class Evidence(_Object):
    """What was found in a picture or in sound."""

    @property
    def detected(self) -> bool:
        """Whether there is a mark."""
        return bool(self._data["detected"])

    @property
    def payload(self) -> str | None:
        """The number that the mark says, a version 4 UUID; None if it could not be read."""
        found: str | None = self._data.get("payload")
        return found

    def __repr__(self) -> str:
        return f"Evidence(detected={self.detected}, payload={self.payload!r})"


class Detection(_Object):
    """What marks a file carries."""

    @property
    def video(self) -> Evidence | None:
        """What was found in the picture; None if there is none."""
        found = self._data["video"]
        return None if found is None else Evidence(found)

    @property
    def audio(self) -> Evidence | None:
        """What was found in the sound; None if there is none."""
        found = self._data["audio"]
        return None if found is None else Evidence(found)

    @property
    def detected(self) -> bool:
        """Whether there is a mark in either."""
        return any(e is not None and e.detected for e in (self.video, self.audio))

    @property
    def payload(self) -> str | None:
        """The number that was read, in the picture first."""
        told = (e.payload for e in (self.video, self.audio) if e is not None)
        return next((p for p in told if p), None)

    def __repr__(self) -> str:
        return f"Detection(video={self.video!r}, audio={self.audio!r})"


class Report(_Object):
    """Where a file comes from."""

    @property
    def verdict(self) -> str:
        """The verdict in a word, such as ``intact`` or ``altered`` (``docs/reference/verdicts.md``)."""
        return str(self._data["verdict"])

    @property
    def trust(self) -> str:
        """How far its signer is trusted."""
        return str(self._data["trust"])

    @property
    def severity(self) -> str:
        """How bad the worst reason is."""
        return str(self._data["severity"])

    @property
    def summary(self) -> str:
        """The verdict in a sentence, for people."""
        return str(self._data["summary"])

    @property
    def reasons(self) -> list[Reason]:
        """Why, the weightiest first."""
        return [Reason(**reason) for reason in self._data["reasons"]]

    @property
    def next(self) -> list[Step]:
        """What to do next."""
        return [Step(**step) for step in self._data["next"]]

    def has(self, code: str) -> bool:
        """Whether one of the reasons has this code."""
        return any(reason["code"] == code for reason in self._data["reasons"])

    def __repr__(self) -> str:
        return f"Report({self.verdict!r}, {[r.code for r in self.reasons]})"


class Signed(_Object):
    """A file that was signed, or that an earlier run of its job had made."""

    @property
    def payload(self) -> str:
        """The clip's number."""
        return str(self._data["payload"])

    @property
    def earlier(self) -> bool:
        """Whether an earlier run of the job had made it."""
        return bool(self._data.get("earlier", False))

    @property
    def marked(self) -> bool:
        """Whether the mark was found in picture or sound; of an earlier run that is not told."""
        marked = self._data.get("marked", {})
        return any(marked.values())

    @property
    def manifest(self) -> str | None:
        """Where the manifest is: the file itself, or the one beside it."""
        manifest = self._data["manifest"]
        return None if manifest is None else str(manifest["path"])

    def __repr__(self) -> str:
        return f"Signed(payload={self.payload!r}, earlier={self.earlier})"
