"""Provenance for generated video: an invisible watermark and a signed C2PA manifest that find each
other.

    import proofmark as pm

    key = pm.Key.from_env()
    clip = pm.Clip(key, title="A rabbit", model="My Model 2")
    video = clip.video(width=1280, height=720, fps=24)
    video.mark(frames)                       # in place; NumPy, PyTorch on the CPU, DLPack
    ...                                      # encode the frames as you like
    clip.sign("finished.mp4", "out.mp4", identity=pm.Identity.load("chain.pem", "key.pem"))

    pm.verify("upload.mp4", key).verdict     # "intact", "marked", "recovered", "altered", ...
"""

from __future__ import annotations

from collections.abc import Iterable as _Iterable
from typing import TYPE_CHECKING, Any

from ._native import (
    AudioMarker,
    CancelledError,
    Clip,
    FrameDetector,
    Identity,
    InputError,
    InternalError,
    Key,
    KeyRing,
    ProofmarkError,
    Registry,
    RetryableError,
    UsageError,
    VideoMarker,
    __version__,
    detect,
    fingerprint,
    verify,
)
from ._report import Capacity, Detection, Evidence, Reason, Report, Signed, Step

if TYPE_CHECKING:
    from ._native import Array as Array, Path as Path

__all__ = [
    "AudioMarker",
    "CancelledError",
    "Capacity",
    "Clip",
    "Detection",
    "Evidence",
    "FrameDetector",
    "Identity",
    "InputError",
    "InternalError",
    "Key",
    "KeyRing",
    "ProofmarkError",
    "Reason",
    "Registry",
    "Report",
    "RetryableError",
    "Signed",
    "Step",
    "UsageError",
    "VideoMarker",
    "__version__",
    "detect",
    "detect_frames",
    "fingerprint",
    "stamp",
    "verify",
]


def detect_frames(
    frames: Array | _Iterable[Array],
    keys: Key | KeyRing,
    *,
    fps: float = 24.0,
    payload: str | None = None,
    search: bool = True,
    layout: str | None = None,
) -> Evidence:
    """What mark of ``keys`` frames carry: one array T×H×W×C, or any number of arrays.

    With ``payload`` that number is expected, which finds weaker marks; ``search=False`` looks for
    clips that were re-encoded or resized alone, which is quicker.
    """
    detector = FrameDetector(keys, fps=fps, payload=payload, search=search)
    whole = hasattr(frames, "__array_interface__") or hasattr(frames, "__dlpack__")
    arrays: Any = [frames] if whole else frames
    for array in arrays:
        detector.push(array, layout=layout)
    return detector.finish()


def stamp(source: Path, target: Path, key: Key | KeyRing, **options: Any) -> Signed:
    """Marks a file and signs it; see :func:`proofmark.files.stamp` for the options."""
    from .files import stamp as stamp_file

    return stamp_file(source, target, key, **options)
