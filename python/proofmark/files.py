"""Files, marked and signed through PyAV."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import Clip, Identity, InputError, Key, KeyRing, Registry, Signed, UsageError
from ._av import av, decoding, has_plane, plane_of

if TYPE_CHECKING:
    from . import Path, VideoMarker

#: What is encoded in the pixel format that it has; anything else becomes 4:2:0 of eight bits.
_KEPT = ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le")


def stamp(
    source: Path,
    target: Path,
    key: Key | KeyRing,
    *,
    identity: Identity,
    registry: Registry | None = None,
    payload: str | None = None,
    job: str | None = None,
    title: str | None = None,
    model: str | None = None,
    model_version: str | None = None,
    model_id: str | None = None,
    prompt: str | None = None,
    oversight: str | None = None,
    training_mining: str | None = None,
    labels: Iterable[str] = (),
    strength: str = "standard",
    mark_audio: bool = True,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    audio_codec: str = "aac",
    overwrite: bool = False,
) -> Signed:
    """Marks picture and sound of a file, encodes them and signs what came of it.

    With ``job`` the number follows from the key and that name, and a run finds what an earlier one
    finished: it can be run again after any death. ``codec`` is an encoder of libav, and
    ``options`` are its own, by default a constant quality that is visually lossless.

    The first picture and the first sound are kept, and no subtitles; the command ``proofmark
    stamp`` keeps more.
    """
    clip = Clip(
        key,
        payload=payload,
        job=job,
        title=title,
        model=model,
        model_version=model_version,
        model_id=model_id,
        prompt=prompt,
        oversight=oversight,
        training_mining=training_mining,
        labels=list(labels),
        identity=identity,
        registry=registry,
    )
    if job is not None and (done := clip.earlier(target)) is not None:
        return done
    if os.path.lexists(target) and job is None and not overwrite:
        raise UsageError(
            f"{os.fspath(target)}: exists already; choose another target or allow replacing it "
            "with overwrite=True"
        )
    with beside(target) as marked:
        mark(
            source,
            marked,
            clip,
            strength=strength,
            mark_audio=mark_audio,
            codec=codec,
            options=options,
            audio_codec=audio_codec,
        )
        return clip.sign(marked, target, overwrite=overwrite)


@contextmanager
def beside(target: Path) -> Iterator[str]:
    """A name for a file that is to become ``target``, in the same folder, gone in the end."""
    folder, name = os.path.split(os.path.abspath(os.fspath(target)))
    end = os.path.splitext(name)[1]
    handle, path = tempfile.mkstemp(prefix=".proofmark-", suffix=end, dir=folder)
    os.close(handle)
    try:
        yield path
    finally:
        os.unlink(path)


def mark(
    source: Path,
    target: Path,
    clip: Clip,
    *,
    strength: str = "standard",
    mark_audio: bool = True,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    audio_codec: str = "aac",
) -> None:
    """Marks picture and sound of a file into another one, which is not signed yet."""
    if options is None:
        options = {"crf": "18", "preset": "medium"} if codec in ("libx264", "libx265") else {}
    with _coding(source), av.open(os.fspath(source)) as given, av.open(os.fspath(target), "w") as made:
        ways: dict[int, _Picture | _Sound] = {}
        if given.streams.video:
            picture = given.streams.video[0]
            ways[picture.index] = _Picture(picture, made, clip, strength, codec, options)
        if given.streams.audio:
            sound = given.streams.audio[0]
            ways[sound.index] = _Sound(sound, made, clip, mark_audio, audio_codec)
        if not ways:
            raise UsageError(f"{os.fspath(source)}: neither picture nor sound in it")
        for packet in given.demux([given.streams[i] for i in ways]):
            for frame in packet.decode():
                for out in ways[packet.stream.index].take(frame):
                    made.mux(out)
        for way in ways.values():
            for out in way.end():
                made.mux(out)


@contextmanager
def _coding(source: Path) -> Iterator[None]:
    """What libav says of a file, as an error that names it."""
    try:
        with decoding():
            yield
    except OSError as e:
        error = InputError(
            f"{os.fspath(source)}: cannot be decoded and encoded again ({e}); check that it is "
            "whole and plays elsewhere, and the options of the encoder"
        )
        error.code = "media.undecodable"
        raise error from e


class _Picture:
    """Frames on their way to an encoder."""

    def __init__(
        self,
        given: Any,
        made: Any,
        clip: Clip,
        strength: str,
        codec: str,
        options: dict[str, str],
    ) -> None:
        rate = given.average_rate or given.guessed_rate or 24
        self.stream: Any = made.add_stream(codec, rate=rate, options=options)
        context = self.stream.codec_context
        context.width, context.height = given.width, given.height
        self.format = given.pix_fmt if given.pix_fmt in _KEPT else "yuv420p"
        self.stream.pix_fmt = self.format
        # What the samples mean is told on; the time base lets odd time stamps through.
        context.time_base = given.time_base
        if given.sample_aspect_ratio:
            context.sample_aspect_ratio = given.sample_aspect_ratio
        for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
            setattr(context, name, getattr(given.codec_context, name))
        self.aspect = float(given.sample_aspect_ratio or 1)
        self.marker: VideoMarker | None = None
        self.clip, self.rate, self.strength = clip, float(rate), strength

    def take(self, given: Any) -> Iterator[Any]:
        frame: Any = given.reformat(format=self.format)
        # The decoder may lean on it still.
        frame.make_writable()
        if self.marker is None:
            self.marker = self.clip.video(
                frame.width,
                frame.height,
                self.rate,
                strength=self.strength,
                pixel_aspect=self.aspect,
            )
        if not has_plane(frame.format):
            raise UsageError(f"{self.format}: luma lies in no plane of its own")
        plane = plane_of(frame, 0.0, self.aspect)
        self.marker._mark_plane(plane.address, plane.row_bytes, plane.depth, plane.full_range)
        frame.pict_type = 0
        yield from self.stream.encode(frame)

    def end(self) -> Iterator[Any]:
        yield from self.stream.encode(None)


class _Sound:
    """Samples on their way to an encoder."""

    def __init__(
        self,
        given: Any,
        made: Any,
        clip: Clip,
        marked: bool,
        codec: str,
    ) -> None:
        self.rate, self.layout = given.sample_rate, given.layout.name
        self.stream: Any = made.add_stream(codec, rate=self.rate, layout=self.layout)
        self.resampler = av.AudioResampler(format="flt", layout=self.layout, rate=self.rate)
        self.channels = given.layout.nb_channels
        self.marker = clip.audio(self.rate, self.channels) if marked else None
        self.samples = 0
        self.first: int | None = None

    def take(self, frame: Any) -> Iterator[Any]:
        if self.first is None:
            time = frame.time or 0.0
            self.first = round(time * self.rate)
        for block in self.resampler.resample(frame):
            yield from self._pass(block.to_ndarray().reshape(-1, self.channels))

    def end(self) -> Iterator[Any]:
        for block in self.resampler.resample(None):
            yield from self._pass(block.to_ndarray().reshape(-1, self.channels))
        if self.marker is not None:
            yield from self._encode(self.marker.flush())
        yield from self.stream.encode(None)

    def _pass(self, samples: Any) -> Iterator[Any]:
        yield from self._encode(self.marker.push(samples) if self.marker else samples)

    def _encode(self, samples: Any) -> Iterator[Any]:
        if not len(samples):
            return
        frame = av.AudioFrame.from_ndarray(
            samples.reshape(1, -1).astype("float32", copy=False), format="flt", layout=self.layout
        )
        frame.sample_rate = self.rate
        frame.pts = (self.first or 0) + self.samples
        self.samples += len(samples)
        yield from self.stream.encode(frame)
