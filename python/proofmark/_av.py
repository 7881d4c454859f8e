"""Files as the native module asks for them: what they are, planes of luma, blocks of sound."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

try:
    import av as av
    import av.error
    from av.stream import Disposition
except ImportError as e:
    raise ImportError(
        "files are read and written through PyAV, which is not installed: "
        "pip install 'proofmark[av]'"
    ) from e

#: Whose words hold their samples in the upper bits.
_HIGH = ("p0", "p2", "p4")
#: The range of JPEG: all of 0 to 255.
_FULL = 2


class Plane(NamedTuple):
    """A plane of luma that stays until the next one is asked for."""

    time: float
    address: int
    row_bytes: int
    width: int
    height: int
    depth: int
    full_range: bool
    pixel_aspect: float
    intra: bool


@contextmanager
def decoding() -> Iterator[None]:
    """Whatever libav says becomes an error of the operating system's kind, which the native module
    takes for the file's fault."""
    try:
        yield
    except av.error.FFmpegError as e:
        raise OSError(e.strerror or str(e)) from e


def open_file(path: os.PathLike[str]) -> File:
    """Opens a file; OSError if it is none that can be read."""
    return File(path)


def seconds_of(container: Any) -> float | None:
    """How long a file lasts, as far as it says."""
    return None if container.duration is None else container.duration / av.time_base


class File:
    """A file that is decoded from its beginning as often as it is asked."""

    def __init__(self, path: os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        with decoding(), av.open(self.path) as container:
            pictures = [s for s in container.streams.video if not _is_cover(s)]
            sounds = container.streams.audio
            if not pictures and not sounds:
                raise OSError("neither picture nor sound in it")
            picture = None
            if pictures:
                stream = pictures[0]
                rate = stream.average_rate
                picture = {
                    "width": stream.width,
                    "height": stream.height,
                    "frame_rate": float(rate) if rate else None,
                    "codec": stream.codec_context.name,
                }
            self.info = json.dumps(
                {
                    "seconds": seconds_of(container),
                    "picture": picture,
                    "has_audio": bool(sounds),
                    "more_pictures": max(len(pictures) - 1, 0),
                    "more_sounds": max(len(sounds) - 1, 0),
                }
            )

    def frames(self) -> Iterator[Plane]:
        """The luma of each frame."""
        with decoding(), av.open(self.path) as container:
            stream = next(s for s in container.streams.video if not _is_cover(s))
            stream.thread_type = "AUTO"
            aspect = stream.sample_aspect_ratio
            for index, frame in enumerate(container.decode(stream)):
                time = frame.time if frame.time is not None else index / 24.0
                luma = as_luma(frame)
                yield plane_of(luma, time, float(aspect) if aspect else 1.0)

    def sounds(self) -> Iterator[tuple[int, int, int, int]]:
        """Blocks of interleaved floats: rate, channels, address, bytes."""
        with decoding(), av.open(self.path) as container:
            resampler = av.AudioResampler(format="flt")
            for frame in container.decode(container.streams.audio[0]):
                for block in resampler.resample(frame):
                    yield _block(block)
            for block in resampler.resample(None):
                yield _block(block)


def _block(frame: Any) -> tuple[int, int, int, int]:
    channels = frame.layout.nb_channels
    plane = frame.planes[0]
    return frame.sample_rate, channels, plane.buffer_ptr, frame.samples * channels * 4


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def has_plane(format: Any) -> bool:
    """Whether luma lies in a plane of its own, in bytes or in words of this machine."""
    luma = format.components[0]
    apart = format.is_planar or format.name.startswith("gray")
    return apart and luma.is_luma and 8 <= luma.bits <= 16 and not format.is_big_endian


def as_luma(frame: Any) -> Any:
    """The frame, in a format whose luma lies in a plane of its own."""
    if has_plane(frame.format):
        return frame
    deep = max(c.bits for c in frame.format.components) > 8
    return frame.reformat(format="yuv444p16le" if deep else "yuv444p")


def plane_of(frame: Any, time: float, aspect: float) -> Plane:
    """The plane of luma of such a frame."""
    name, plane = frame.format.name, frame.planes[0]
    depth = 16 if name.startswith(_HIGH) else frame.format.components[0].bits
    return Plane(
        time=time,
        address=plane.buffer_ptr,
        row_bytes=plane.line_size,
        width=frame.width,
        height=frame.height,
        depth=depth,
        full_range=frame.color_range == _FULL or name.startswith("yuvj"),
        pixel_aspect=aspect,
        intra=bool(frame.key_frame),
    )
