"""Frames and samples in memory, in the layouts that programs hold them in."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from conftest import write

import proofmark as pm


def marker(clip: pm.Clip, frames: np.ndarray, **options: object) -> pm.VideoMarker:
    return clip.video(frames.shape[2], frames.shape[1], 24, **options)


def test_marks_in_place_and_is_found(key, frames, tmp_path):
    clip = pm.Clip(key)
    marked = frames.copy()
    assert marker(clip, frames).mark(marked) is marked
    found = pm.detect_frames(marked, key, fps=24)
    assert found.detected and found.payload == clip.payload
    assert pm.detect(write(marked, tmp_path / "a.mp4"), key).payload == clip.payload
    assert not pm.detect_frames(frames, key, fps=24).detected
    assert not pm.detect_frames(marked, pm.Key.generate(), fps=24).detected


def test_luma_alone_moves_and_little(key, frames):
    marked = marker(pm.Clip(key), frames).mark(frames.copy())
    steps = marked.astype(int) - frames
    inside = ((frames > 20) & (frames < 235)).all(axis=-1)
    assert (steps[inside] == steps[inside][:, :1]).all(), "red, green and blue move alike"
    noise = (steps.astype(float) ** 2).mean()
    assert 10 * np.log10(255**2 / noise) > 42


def test_every_kind_of_array_carries_the_same_mark(key, frames):
    clip, frames = pm.Clip(key), frames[:8]
    whole = marker(clip, frames).mark(frames.copy())
    one_by_one = marker(clip, frames)
    assert all((one_by_one.mark(f.copy()) == m).all() for f, m in zip(frames, whole, strict=True))
    listed = marker(clip, frames).mark([f.copy() for f in frames])
    assert (np.stack(listed) == whole).all()
    apart = np.ascontiguousarray(frames.transpose(0, 3, 1, 2))
    assert (marker(clip, frames).mark(apart, layout="TCHW") == whole.transpose(0, 3, 1, 2)).all()
    view = frames.copy().transpose(0, 3, 1, 2)
    assert (marker(clip, frames).mark(view, layout="TCHW") == whole.transpose(0, 3, 1, 2)).all()
    alpha = np.dstack([frames[0], np.full(frames.shape[1:3], 7, np.uint8)])
    done = marker(clip, frames).mark(alpha)
    assert (done[..., :3] == whole[0]).all() and (done[..., 3] == 7).all()
    for kind, unit, near in ((np.uint16, 257, 300), (np.float32, 1 / 255, 5e-3), (np.float16, 1 / 255, 6e-3)):
        given = (frames[:1].astype(np.float64) * unit).astype(kind)
        done = marker(clip, frames).mark(given.copy())
        assert done.dtype == kind
        apart = np.abs(done.astype(float) - whole[:1].astype(float) * unit)
        assert apart.max() < near and apart.max() > 0


def test_out_and_what_may_not_be_written(key, frames):
    clip, frames = pm.Clip(key), frames[:4]
    whole = marker(clip, frames).mark(frames.copy())
    out = np.empty_like(frames)
    kept = frames.copy()
    assert marker(clip, frames).mark(kept, out) is out
    assert (out == whole).all() and (kept == frames).all()
    kept.flags.writeable = False
    made = marker(clip, frames).mark(kept)
    assert made is not kept and (made == whole).all() and (kept == frames).all()


def test_state_goes_on_where_it_stopped(key, frames):
    clip = pm.Clip(key)
    whole = marker(clip, frames).mark(frames.copy())
    first = marker(clip, frames)
    begin = first.mark(frames[:10].copy())
    state = first.state()
    assert isinstance(state, bytes) and first.frames == 10
    then = pm.VideoMarker.resume(state, key)
    rest = then.mark(frames[10:].copy())
    assert (np.concatenate([begin, rest]) == whole).all() and then.frames == len(frames)
    assert not (marker(clip, frames).mark(frames[10:].copy()) == whole[10:]).all()
    for damaged in (b"", b"{}", state[:-40], b"\0" * 100):
        with pytest.raises(pm.UsageError, match="state"):
            pm.VideoMarker.resume(damaged, key)
    with pytest.raises(pm.UsageError, match="not among"):
        pm.VideoMarker.resume(state, pm.Key.generate())


def test_capacity(key, frames):
    measured = marker(pm.Clip(key), frames, measure=True)
    measured.mark(frames.copy())
    assert measured.capacity().outlook == "ordinary" and measured.capacity().evidence > 300
    with pytest.raises(pm.UsageError, match="measure=True"):
        marker(pm.Clip(key), frames).capacity()


@pytest.mark.parametrize(
    ("array", "layout", "says"),
    [
        (np.zeros((4, 360, 640, 2), np.uint8), None, "layout="),
        (np.zeros((360, 640, 2), np.uint8), "HWC", "2 channels"),
        (np.zeros((360, 641, 3), np.uint8), None, "641x360 do not fit"),
        (np.zeros((3, 360, 640), np.uint8), None, "layout="),
        (np.zeros((360, 640, 3), np.int32), None, "<i4"),
        (np.zeros((360, 640, 3), np.float64), None, "float32"),
        (np.zeros((360, 640, 3), np.uint8)[::-1], None, "ascontiguousarray"),
        (np.zeros((360, 640, 3), np.uint8), "WHC", "none of"),
        (np.zeros((0, 360, 640, 3), np.uint8), "CHW", "say how they lie"),
        ("frame", None, "is no array"),
        (None, None, "is no array"),
    ],
)
def test_what_is_no_frame_is_told(key, array, layout, says):
    marker = pm.Clip(key).video(640, 360)
    with pytest.raises(pm.UsageError, match=says) as raised:
        marker.mark(array, layout=layout)
    assert raised.value.code == "python.usage"


def test_none_at_all_is_none(key):
    empty = np.zeros((0, 360, 640, 3), np.uint8)
    assert pm.Clip(key).video(640, 360).mark(empty) is empty


def test_what_cannot_be_marked_is_told(key):
    clip = pm.Clip(key)
    with pytest.raises(pm.UsageError, match="128 to 16384"):
        clip.video(64, 64)
    with pytest.raises(pm.UsageError, match="strength"):
        clip.video(640, 360, strength="loud")
    with pytest.raises(pm.UsageError, match="frames a second"):
        clip.video(640, 360, 0)
    with pytest.raises(pm.UsageError, match="4 "):
        pm.Clip(key, payload="01234567-89ab-1cde-8f01-23456789abcd")
    with pytest.raises(pm.UsageError, match="not both"):
        pm.Clip(key, payload=clip.payload, job="a")
    with pytest.raises(pm.UsageError, match="1 to 1024"):
        pm.Clip(key, job="")


def test_a_job_has_one_number(key):
    assert pm.Clip(key, job="a").payload == pm.Clip(key, job="a").payload
    assert pm.Clip(key, job="a").payload != pm.Clip(key, job="b").payload


def test_keys_stay_to_themselves(key, tmp_path, monkeypatch):
    import pickle

    path = tmp_path / "mark.key"
    key.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(pm.ProofmarkError):
        key.save(path)
    secret = __import__("json").loads(path.read_text())["secret"]
    assert secret not in repr(key) and pm.Key.load(path).id == key.id
    for thing in (key, pm.KeyRing([key]), pm.Identity.test()):
        with pytest.raises(pm.UsageError, match="not pickled"):
            pickle.dumps(thing)
    monkeypatch.delenv("PROOFMARK_KEY", raising=False)
    monkeypatch.delenv("PROOFMARK_KEY_FILE", raising=False)
    with pytest.raises(pm.UsageError, match="PROOFMARK_KEY_FILE"):
        pm.Key.from_env()
    monkeypatch.setenv("PROOFMARK_KEY_FILE", str(path))
    assert pm.Key.from_env().id == key.id
    monkeypatch.setenv("PROOFMARK_KEY", path.read_text())
    assert pm.Key.from_env().id == key.id
    with pytest.raises(pm.InputError) as raised:
        pm.Key.load(tmp_path / "none.key")
    assert raised.value.code == "key.unread"
    path.write_text(path.read_text().replace(secret[:8], "0" * 8))
    with pytest.raises(pm.InputError) as raised:
        pm.Key.load(path)
    assert raised.value.code == "key.damaged" and secret not in str(raised.value)


def test_sound_comes_out_as_long_as_it_went_in(key, plain):
    import av

    with av.open(str(plain)) as file:
        resampler = av.AudioResampler(format="flt")
        blocks = [b for f in file.decode(audio=0) for b in resampler.resample(f)]
        rate, channels = blocks[0].sample_rate, blocks[0].layout.nb_channels
        sound = np.concatenate([b.to_ndarray().reshape(-1, channels) for b in blocks])
    clip = pm.Clip(key)
    marker = clip.audio(rate, channels)
    assert marker.latency > 0
    done = [marker.push(sound[i : i + 5000]) for i in range(0, len(sound), 5000)]
    done = np.concatenate([*done, marker.flush()])
    assert done.shape == sound.shape and done.dtype == np.float32
    assert 0 < np.abs(done - sound).max() < 0.3
    other = clip.audio(rate, channels)
    turned = [other.push(np.ascontiguousarray(sound.T), layout="CN"), other.flush()]
    assert np.allclose(np.concatenate(turned), done, atol=1e-6)
    with pytest.raises(pm.UsageError, match="ended"):
        marker.push(sound)
    with pytest.raises(pm.UsageError, match="channels"):
        clip.audio(rate, channels).push(np.zeros((5, channels + 1), np.float32))
    with pytest.raises(pm.UsageError, match="Hz"):
        clip.audio(100, 1)


def test_the_lock_is_let_go(key, frames):
    """Two markers at once take no longer than one after the other, and a third thread goes on."""
    ticks = []
    stop = threading.Event()

    def tick() -> None:
        while not stop.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    large = np.zeros((32, 1080, 1920, 3), np.uint8)
    thread = threading.Thread(target=tick)
    thread.start()
    began = time.monotonic()
    pm.Clip(key).video(1920, 1080).mark(large)
    took = time.monotonic() - began
    stop.set()
    thread.join()
    pauses = np.diff([t for t in ticks if t >= began])
    assert pauses.max() < took / 2, "others stood still"
