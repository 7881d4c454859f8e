"""What the tests share: keys, and a real clip that PyAV cuts and encodes."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import proofmark as pm

#: The project's real clip. The tests run beside a copy of themselves: where the package's sources lie
#: they would be taken for it.
CLIP = Path(
    os.environ.get("PROOFMARK_CLIP")
    or Path(__file__).parents[2] / "testdata" / "bigbuckbunny.mp4"
)


@pytest.fixture(scope="session")
def key() -> pm.Key:
    return pm.Key.generate()


@pytest.fixture(scope="session")
def identity() -> pm.Identity:
    return pm.Identity.test()


@pytest.fixture(scope="session")
def frames() -> np.ndarray:
    """Two seconds of the clip: T×H×W×C bytes."""
    with av.open(str(CLIP)) as clip:
        clip.seek(2_000_000)
        decoded = clip.decode(video=0)
        return np.stack(
            [next(decoded).reformat(640, 360, "rgb24").to_ndarray() for _ in range(48)]
        )


def write(frames: np.ndarray, path: Path, fps: int = 24, codec: str = "libx264") -> Path:
    """Encodes frames as anybody would."""
    with av.open(str(path), "w") as made:
        stream = made.add_stream(codec, rate=fps, options={"crf": "20", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, fps)
            made.mux(stream.encode(picture))
        made.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short file with picture and sound, and no mark."""
    path = tmp_path_factory.mktemp("clips") / "plain.mp4"
    with av.open(str(CLIP)) as given, av.open(str(path), "w") as made:
        streams = [given.streams.video[0], given.streams.audio[0]]
        copies = {s.index: made.add_stream_from_template(s) for s in streams}
        for packet in given.demux(streams):
            if packet.dts is None or packet.pts * packet.time_base > 4:
                continue
            packet.stream = copies[packet.stream.index]
            made.mux(packet)
    return path
