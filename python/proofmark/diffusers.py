"""Marks for pipelines of diffusers, where their own watermarkers sit.

    pipe = StableDiffusionXLPipeline.from_pretrained(...)
    pipe.watermark = Watermarker(key, title="A kitchen")

Pipelines of video have no such place: their frames are marked when they come out,

    frames = Watermarker(key).mark_video(pipe(prompt).frames[0], fps=24)
"""

from __future__ import annotations

from typing import Any

from . import Clip, Key, KeyRing


class Watermarker:
    """Marks what pipelines make: each picture, and each video, under a number of its own.

    ``clips`` are those of the last call, in the order of its pictures: each can sign the file that
    is made of it. ``options`` are those of :class:`proofmark.Clip`.
    """

    def __init__(self, key: Key | KeyRing, *, strength: str = "standard", **options: Any) -> None:
        self._key, self._strength, self._options = key, strength, options
        self.clips: list[Clip] = []

    def _clip(self) -> Clip:
        clip = Clip(self._key, **self._options)
        self.clips.append(clip)
        return clip

    def apply_watermark(self, images: Any) -> Any:
        """Marks a batch of pictures as pipelines hold them before they are postprocessed: a tensor
        N×C×H×W from -1 to 1. Returns one like it, on the same device."""
        self.clips = []
        # In 32 bits: the mark is finer than a step of bfloat16 near 1.
        unit = (images.detach().float().cpu() / 2 + 0.5).contiguous()
        for image in unit:
            height, width = image.shape[-2:]
            marker = self._clip().video(width, height, strength=self._strength)
            marker.mark(image, layout="CHW")
        return ((unit - 0.5) * 2).to(device=images.device, dtype=images.dtype)

    def mark_video(self, frames: Any, *, fps: float = 24.0) -> Any:
        """Marks the frames of one video as a pipeline returns them: an array T×H×W×C or a tensor
        T×C×H×W from 0 to 1, or a list of PIL pictures. Returns what is like it."""
        self.clips = []
        clip = self._clip()
        if hasattr(frames, "detach"):
            marked = frames.detach().float().cpu().contiguous()
            height, width = marked.shape[-2:]
            clip.video(width, height, fps, strength=self._strength).mark(marked, layout="TCHW")
            return marked.to(device=frames.device, dtype=frames.dtype)
        if isinstance(frames, (list, tuple)):
            return self._pictures(clip, frames, fps)
        height, width = frames.shape[1:3]
        return clip.video(width, height, fps, strength=self._strength).mark(frames.copy())

    def _pictures(self, clip: Clip, frames: Any, fps: float) -> list[Any]:
        import numpy as np
        from PIL import Image

        width, height = frames[0].size
        marker = clip.video(width, height, fps, strength=self._strength)
        return [Image.fromarray(marker.mark(np.array(f.convert("RGB")))) for f in frames]
