"""Files, through PyAV."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from conftest import write

import proofmark as pm


@pytest.fixture
def registry(tmp_path):
    return pm.Registry(str(tmp_path / "registry.db"))


def test_frames_that_were_marked_are_signed_when_encoded(key, identity, frames, registry, tmp_path):
    clip = pm.Clip(key, title="A rabbit", model="My Model 2", labels=["demo"], registry=registry)
    marked = clip.video(640, 360).mark(frames.copy())
    finished = write(marked, tmp_path / "finished.mp4")
    signed = clip.sign(finished, tmp_path / "out.mp4", identity=identity)
    assert signed.payload == clip.payload and signed.marked and not signed.earlier
    assert signed.manifest == str(tmp_path / "out.mp4")
    report = pm.verify(tmp_path / "out.mp4", key, registry=registry, own=[identity])
    assert report.verdict == "intact" and report.reasons and report["manifest"]["title"] == "A rabbit"
    entry = registry.entry(clip.payload)
    assert len(registry) == 1 and entry["labels"] == ["demo"] and entry["picture"]
    assert registry.find("rabbit")[0]["payload"] == clip.payload
    # An upload that lost its manifest finds it again.
    upload = pm.verify(write(decoded(tmp_path / "out.mp4"), tmp_path / "up.mp4"), key, registry=registry, own=[identity])
    assert upload.verdict == "recovered"
    with pytest.raises(pm.UsageError) as raised:
        clip.sign(finished, tmp_path / "out.mp4", identity=identity)
    assert raised.value.code == "target.exists"
    japanese = pm.verify(tmp_path / "out.mp4", key, own=[identity], language="ja")
    assert japanese.verdict == "intact" and japanese.summary != report.summary
    assert registry.delete(clip.payload) and len(registry) == 0 and registry.check() == []


def decoded(path):
    import av

    with av.open(str(path)) as file:
        return np.stack([f.to_ndarray(format="rgb24") for f in file.decode(video=0)])


def test_a_file_is_stamped(key, identity, registry, plain, tmp_path):
    out = tmp_path / "out.mp4"
    done = pm.stamp(plain, out, key, identity=identity, registry=registry, title="Stamped")
    assert done.marked
    found = pm.detect(out, key)
    assert found.video.payload == done.payload
    import av

    with av.open(str(plain)) as a, av.open(str(out)) as b:
        assert a.streams.video[0].frames == b.streams.video[0].frames
        length = [s.streams.audio[0].duration * s.streams.audio[0].time_base for s in (a, b)]
        assert abs(length[0] - length[1]) < 0.1
        assert abs(a.duration - b.duration) < 0.1e6
    assert pm.verify(out, key, registry=registry, own=[identity]).verdict == "intact"
    with pytest.raises(pm.UsageError, match="exists already"):
        pm.stamp(plain, out, key, identity=identity)
    assert sorted(p.name for p in tmp_path.iterdir() if "registry" not in p.name) == ["out.mp4"]


def test_a_job_is_done_once(key, identity, registry, plain, tmp_path):
    out = tmp_path / "out.mp4"
    given = dict(identity=identity, registry=registry, job="task 7")
    first = pm.stamp(plain, out, key, **given)
    before = out.read_bytes()
    again = pm.stamp(plain, out, key, **given)
    assert again.earlier and not first.earlier and again.payload == first.payload
    assert out.read_bytes() == before and len(registry) == 1
    clip = pm.Clip(key, job="task 7", registry=registry, identity=identity)
    assert clip.payload == first.payload and clip.earlier(out).payload == first.payload
    out.unlink()
    assert clip.earlier(out) is None
    out.write_bytes(plain.read_bytes())
    with pytest.raises(pm.UsageError) as raised:
        pm.stamp(plain, out, key, **given)
    assert raised.value.code == "target.exists"
    assert out.read_bytes() == plain.read_bytes()


def test_what_is_no_clip_is_told(key, tmp_path):
    text = tmp_path / "a.mp4"
    text.write_text("hello, this is no clip")
    for look in (pm.verify, pm.detect):
        with pytest.raises(pm.InputError, match="a.mp4") as raised:
            look(text, key)
        assert raised.value.code.startswith("media."), raised.value.code
    with pytest.raises(pm.InputError, match="none.mp4"):
        pm.verify(tmp_path / "none.mp4", key)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(pm.InputError, match="empty"):
        pm.verify(tmp_path / "empty.mp4", key)
    with pytest.raises(pm.ProofmarkError):
        pm.verify(tmp_path, key)


def test_an_unmarked_file_says_nothing(key, plain):
    report = pm.verify(plain, key)
    assert report.verdict == "unknown" or not pm.detect(plain, key).detected
    assert pm.fingerprint(plain)["video"]["hashes"]


def test_it_is_quick_to_import_and_takes_nothing_along(tmp_path):
    code = "import sys, time; t = time.perf_counter(); import proofmark; print(time.perf_counter() - t); assert not {'numpy', 'av', 'torch', 'ray'} & sys.modules.keys()"
    best = min(
        # From elsewhere: the package here is without what was built.
        float(
            subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path
            ).stdout
        )
        for _ in range(3)
    )
    assert best < 0.2
