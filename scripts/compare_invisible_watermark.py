#!/usr/bin/env python3
"""Measures the public tool invisible-watermark (dwtDctSvd, rivaGan; 32 bits) under the attacks of the bench.

    pip install numpy opencv-python-headless PyWavelets onnxruntime imageio-ffmpeg==0.8.1
    pip install --no-deps invisible-watermark==0.2.0        # its dependencies would bring torch, not needed here
    scripts/compare_invisible_watermark.py --bench BENCH --out OUT --clips CLIP...

2 s of each clip from second 1, every frame marked, then x264 CRF 17 as a generator would deliver it: that file is
attacked. Decoding leans the tool's way: up to 15 frames are added up, as soft and as hard votes, on the frame
as it is and resized to the original size; the best of the four counts. rivaGan is slow: its clips run at 12 frames
a second, at most 6 are decoded, one by one, until all 32 bits are right, or 3 frames give fewer than 26.
OUT/results-METHOD.json grows with every attack; a second run skips the clips that are done. Also OUT/summary.md."""
import argparse, json, os, random, re, subprocess, sys, time, types
from importlib.metadata import version
from pathlib import Path
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import cv2, numpy as np, onnxruntime, pywt
sys.modules["torch"] = types.ModuleType("torch")  # the library only scales arrays with it: riva() below does so itself
import imwatermark

ATTACKS = ("identity h264-crf23 h264-crf30 h264-crf40 h265-crf30 av1-crf35 ladder-480p-700k ladder-360p-400k "
           "ladder-240p-220k resize-71 crop-71 rotate-3 hflip letterbox perspective-10 brightness-50 contrast-150 "
           "gaussian-blur-9 median-9 noise-05 fps-15 excerpt-1s caption combo-crf30 screen-record camcorder").split()
QUALITY = ("psnr_y", "psnr_u", "psnr_v", "psnr_average", "vmaf_lost")
SWS = ["-sws_flags", "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"]
TOOLS = ("invisible-watermark", "onnxruntime", "numpy", "opencv-python-headless", "PyWavelets", "imageio-ffmpeg")
FFV1, NETS = ["-c:v", "ffv1", "-pix_fmt", "yuv420p"], {}

def ffmpeg(*args, data=b""):
    return subprocess.run([bench.FFMPEG, "-hide_banner", "-y", *map(str, args)], capture_output=True, check=True, input=data)

def frames(path):  # all of them as BGR, and the frame rate
    p = ffmpeg("-i", path, *SWS, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "bgr24", "-")
    w, h, fps = re.search(r"Video:.*?[ ,](\d{2,5})x(\d{2,5}).*?([\d.]+) fps", p.stderr.decode()).groups()
    return np.frombuffer(p.stdout, np.uint8).reshape(-1, int(h), int(w), 3), fps

def riva(net, frame, **more):
    """What imwatermark/rivaGan.py does round its two networks."""
    if net not in NETS:
        opt = onnxruntime.SessionOptions()
        opt.intra_op_num_threads = opt.inter_op_num_threads = 1
        NETS[net] = onnxruntime.InferenceSession(str(Path(imwatermark.__file__).parent / f"rivagan_{net}.onnx"), opt)
    x = frame[None].astype(np.float32) / np.float32(127.5) - np.float32(1)
    return NETS[net].run(None, {"frame": x.transpose(3, 0, 1, 2)[None], **more})[0][0]

def embed(frame, bits, method):
    if method == "rivaGan":
        y = np.clip(riva("encoder", frame, data=bits[None].astype(np.float32)), -1, 1)
        return ((y[:, 0].transpose(1, 2, 0) + np.float32(1)) * np.float32(127.5)).astype(np.uint8)
    enc = imwatermark.WatermarkEncoder()
    enc.set_watermark("bits", bits.tolist())
    return enc.encode(frame, method)

def soft(frame, method):
    """32 numbers, above 0 for a 1: what the library's decoder holds just before it cuts them to bits."""
    if method == "rivaGan":
        return riva("decoder", frame) - 0.52
    r, c = frame.shape[0] // 8, frame.shape[1] // 8  # dwtDctSvd's own arithmetic, all blocks at once
    u = pywt.dwt2(cv2.cvtColor(frame, cv2.COLOR_BGR2YUV)[:r * 8, :c * 8, 1], "haar")[0]
    blocks = u.reshape(r, 4, c, 4).swapaxes(1, 2).reshape(-1, 4, 4)  # a DCT keeps singular values
    hit = np.linalg.svd(blocks, compute_uv=False)[:, 0] % 36 > 18
    return np.array([hit[i::32].mean() for i in range(32)]) - 127 / 255

def decode(pics, size, bits, method, limit):
    order = np.random.RandomState(5).permutation(np.unique(np.linspace(0, len(pics) - 1, limit).round().astype(int)))
    views = [lambda f: f] + [lambda f: cv2.resize(f, size, interpolation=cv2.INTER_CUBIC)] * (pics.shape[2:0:-1] != size)
    votes = [[] for _ in views]
    for n, i in enumerate(order, 1):
        for view, got in zip(views, votes):
            got.append(soft(view(pics[i]), method))
        best = max(int(((s > 0) == bits).sum()) for v in votes for s in (np.sum(v, 0), np.sum(np.sign(v), 0)))
        if method == "rivaGan" and (best == 32 or n >= 3 and best < 26):
            break
    return best, n  # for dwtDctSvd after all frames

def quality(orig, marked, work):
    def log(f, graph, pattern):
        return re.findall(pattern, ffmpeg("-i", f, "-i", orig, "-lavfi", graph, "-f", "null", "-").stderr.decode())
    def vmaf(f):
        bench.ff("-i", f, *attacks.x264(23), work / "q.mp4")
        return float(log(work / "q.mp4", "libvmaf=n_threads=1", r"VMAF score: ([\d.]+)")[0])
    row = {"psnr_" + k: min(float(v), 100) for k, v in log(marked, "psnr", r"\b(y|u|v|average):([\d.]+|inf)")}
    return dict(row, vmaf_lost=vmaf(orig) - vmaf(marked))

def measure(clip, method, a, data, save):
    name, work, limit = clip.stem, a.out / f"work-{method}", 6 if method == "rivaGan" else 15
    orig, marked, stamped = work / f"{name}.orig.mkv", work / f"{name}.marked.mkv", work / f"{name}.mp4"
    graph = "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown:range=tv"  # one matrix both ways
    ffmpeg("-ss", 1, "-t", 2, "-i", clip, "-an", "-vf", graph + ",fps=12" * (method == "rivaGan"), *FFV1, orig)
    pics, fps = frames(orig)
    size = pics.shape[2:0:-1]
    bits = np.array([random.Random("32:" + name).getrandbits(32) >> i & 1 for i in range(32)], bool)
    row, t = {"size": size, "frames": len(pics), "attacks": {}}, time.process_time()
    out = [embed(f, bits, method) for f in pics]
    row["embed_s"], t = (time.process_time() - t) / len(pics), time.process_time()
    own = soft(out[0], method) > 0 if method == "rivaGan" else imwatermark.WatermarkDecoder("bits", 32).decode(out[0], method)
    row["decode_s"], data[name] = time.process_time() - t, row
    assert (np.array(own, bool) == (soft(out[0], method) > 0)).all(), "soft() must give the library's own bits"
    ffmpeg("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", "%dx%d" % size, "-r", fps, "-i", "-", *SWS, *FFV1, marked,
           data=b"".join(f.tobytes() for f in out))
    bench.ff("-i", marked, *attacks.x264(17), stamped)
    for attack in ATTACKS:
        try:
            path = bench.attack_video(attack, attacks.VIDEO[attack], stamped, work)
        except RuntimeError:  # the attack does not fit this clip, as letterbox does not fit an upright one
            continue
        right, n = decode(frames(path)[0], size, bits, method, limit)
        row["attacks"][attack] = {"right": right, "exact": right == 32, "frames": n}
        save()
    row["quality"] = quality(orig, marked, work)
    save()

def summary(out):
    got = {p.stem[8:]: json.loads(p.read_text()) for p in sorted(out.glob("results-*.json"))}
    (out / "results.json").write_text(json.dumps(got, indent=1))
    table = [["attack"] + [f"{m} {k}" for m in got for k in ("exact", "bits right", "clips")]]
    for attack in ATTACKS:
        table.append([attack])
        for rows in got.values():
            r = [c["attacks"][attack]["right"] for c in rows.values() if attack in c["attacks"]]
            table[-1] += [f"{r.count(32) / len(r):.0%}", f"{np.mean(r) / 32:.1%}", len(r)] if r else ["-"] * 3
    figures = [["method", "clips", *QUALITY, "embed, CPU s a 720p frame", "decode"]]
    for m, rows in got.items():
        q = [[c["quality"][k] for c in rows.values() if "quality" in c] or [0] for k in QUALITY]
        q += [[c[k] * 921600 / np.prod(c["size"]) for c in rows.values()] for k in ("embed_s", "decode_s")]
        figures.append([m, len(q[0])] + [f"{np.median(v):.2f} ({min(v):.2f} to {max(v):.2f})" for v in q])
    mark = lambda t: ["| " + " | ".join(map(str, r)) + " |" for r in (t[0], ["---"] * len(t[0]), *t[1:])]
    lines = [*mark(table), "", *mark(figures), "", "Median (lowest to highest) over clips.", *(f"{t} {version(t)}" for t in TOOLS)]
    (out / "summary.md").write_text("\n".join(lines) + "\n")

if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--clips", nargs="+", type=Path, required=True)
    ap.add_argument("--out", type=Path, required=True, help="a folder")
    ap.add_argument("--bench", required=True, help="the folder with attacks.py and bench.py")
    ap.add_argument("--methods", default="dwtDctSvd,rivaGan")
    a = ap.parse_args()
    sys.path.insert(0, a.bench)
    import attacks, bench
    cv2.setNumThreads(1)
    for method in a.methods.split(","):
        (a.out / f"work-{method}").mkdir(parents=True, exist_ok=True)
        path = a.out / f"results-{method}.json"
        data = json.loads(path.read_text()) if path.exists() else {}
        for clip in a.clips:
            if "quality" not in data.get(clip.stem, {}):
                measure(clip, method, a, data, lambda: path.write_text(json.dumps(data, indent=1)))
            summary(a.out)
            print(time.strftime("%H:%M"), method, clip.name, flush=True)
