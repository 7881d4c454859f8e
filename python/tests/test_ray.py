"""Ray's short form: a cluster of this machine, some files, one of them poison."""

from __future__ import annotations

import os
import time

import pytest

ray = pytest.importorskip("ray")
pmr = pytest.importorskip("proofmark.ray")

import proofmark as pm  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def cluster():
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Files that workers load: a key, and who signs."""
    folder = tmp_path_factory.mktemp("desk")
    pm.Key.generate().save(folder / "mark.key")
    certificate, key = folder / "chain.pem", folder / "signer.pem"
    pm.Identity.make_test(certificate, key)
    return {
        "keys": [str(folder / "mark.key")],
        "identity": (str(certificate), str(key)),
        "registry": str(folder / "registry.db"),
    }


def test_each_file_has_its_row(desk, plain, tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("no clip")
    rows = [
        {"path": str(plain), "target": str(tmp_path / f"{i}.mp4"), "job": f"ray {i}"}
        for i in range(3)
    ]
    rows.append({"path": str(text), "target": str(tmp_path / "x.mp4")})
    done = {r["target"]: r for r in pmr.stamp(rows, workers=2, **desk).take_all()}
    good = [done[str(tmp_path / f"{i}.mp4")] for i in range(3)]
    assert all(not r["error"] and not r["earlier"] for r in good), good
    assert len({r["payload"] for r in good}) == 3
    bad = done[str(tmp_path / "x.mp4")]
    assert bad["code"].startswith("media.") and "text.mp4" in bad["error"]
    again = pmr.stamp(rows[:3], workers=2, **desk).take_all()
    assert all(r["earlier"] for r in again)
    assert {r["payload"] for r in again} == {r["payload"] for r in good}
    assert len(pm.Registry(desk["registry"])) == 3

    files = [r["target"] for r in rows[:3]] + [str(text), str(tmp_path / "none.mp4")]
    told = {r["path"]: r for r in pmr.verify(files, workers=2, **desk).take_all()}
    assert all(told[f]["verdict"] == "intact" for f in files[:3]), told
    assert all(told[f]["error"] and not told[f]["verdict"] for f in files[3:])
    out = tmp_path / "reports"
    pmr.detect(files[:2], keys=desk["keys"]).write_parquet(str(out))
    kept = ray.data.read_parquet(str(out)).take_all()
    assert {r["payload"] for r in kept} <= {r["payload"] for r in good} and len(kept) == 2
    (likeness,) = pmr.fingerprint(files[:1]).take_all()
    assert "hashes" in likeness["fingerprint"]


def die(row, means):
    if row["path"] == "poison":
        os.kill(os.getpid(), 11)
    if row["path"] == "slow":
        time.sleep(60)
    return {"done": True}


def test_a_poison_file_costs_its_own_row():
    rows = pmr._rows(["a", "poison", "b", "slow", "c"])
    told = pmr._run(rows, die, {"done": False}, pmr._Means(), 1, 3.0).take_all()
    by = {r["path"]: r for r in told}
    assert [by[p]["done"] for p in ("a", "b", "c")] == [True] * 3
    assert (by["poison"]["code"], by["slow"]["code"]) == ("worker.died", "worker.late")


def test_what_cannot_be_done_is_told(plain):
    (row,) = pmr.detect([str(plain)]).take_all()
    assert "no key" in row["error"]


def test_a_folder_stands_for_what_is_in_it(tmp_path):
    from proofmark._stores import listed

    (tmp_path / "b").mkdir()
    for name in ("a.mp4", "b/c.mp4"):
        (tmp_path / name).touch()
    assert listed(str(tmp_path)) == [str(tmp_path / "a.mp4"), str(tmp_path / "b/c.mp4")]
    assert listed(str(tmp_path / "a.mp4")) == [str(tmp_path / "a.mp4")]
