"""Nodes for ComfyUI: *Mark video*, *Mark audio*, *Sign* and *Verify*.

Put a folder into ``custom_nodes`` whose ``__init__.py`` says ``from proofmark.comfyui import *``.
The key is the one of the environment that ComfyUI runs in (``PROOFMARK_KEY_FILE``): a workflow
holds none, as workflows are shared, and stand in the files that are saved.
"""

from __future__ import annotations

import os
from typing import Any

from . import Clip, Identity, Key, Registry, UsageError, verify

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]

#: Under which the nodes stand.
_PLACE = "Proofmark"
#: How the number of a clip is passed from node to node.
_CLIP = "PROOFMARK_CLIP"
_STRENGTHS = ["standard", "subtle", "strong", "heavy"]


def _registry() -> Registry | None:
    place = os.environ.get("PROOFMARK_REGISTRY")
    return Registry(place) if place else None


def _identity(certificate: str, key: str) -> Identity:
    certificate = certificate or os.environ.get("PROOFMARK_SIGN_CERT", "")
    key = key or os.environ.get("PROOFMARK_SIGN_KEY", "")
    if not certificate or not key:
        raise UsageError(
            "nobody signs: name certificate and key in the node, or set PROOFMARK_SIGN_CERT and "
            "PROOFMARK_SIGN_KEY where ComfyUI runs"
        )
    return Identity.load(certificate, key)


class MarkVideo:
    """Marks the frames of a clip, which gets a number; *Sign* takes that on."""

    CATEGORY = _PLACE
    FUNCTION = "mark"
    RETURN_TYPES = ("IMAGE", _CLIP)
    RETURN_NAMES = ("images", "clip")
    DESCRIPTION = "Marks frames, unseen, with a number that finds the clip again."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "images": ("IMAGE",),
                "fps": ("FLOAT", {"default": 24.0, "min": 0.1, "max": 240.0}),
                "strength": (_STRENGTHS,),
            },
            "optional": {
                "title": ("STRING", {"default": ""}),
                "model": ("STRING", {"default": ""}),
            },
        }

    @classmethod
    def IS_CHANGED(cls, **_: Any) -> float:
        # A clip that is made again is another clip, with a number of its own.
        return float("nan")

    def mark(
        self, images: Any, fps: float, strength: str, title: str = "", model: str = ""
    ) -> tuple[Any, Clip]:
        clip = Clip(
            Key.from_env(), title=title or None, model=model or None, registry=_registry()
        )
        # Others may hold the same tensor.
        marked = images.detach().float().cpu().contiguous().clone()
        height, width = marked.shape[1:3]
        clip.video(width, height, fps, strength=strength).mark(marked)
        return marked.to(images.device), clip


class MarkAudio:
    """Marks the sound of a clip with the clip's number."""

    CATEGORY = _PLACE
    FUNCTION = "mark"
    RETURN_TYPES = ("AUDIO",)
    DESCRIPTION = "Marks sound, unheard, with the number of the clip."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"audio": ("AUDIO",), "clip": (_CLIP,)}}

    def mark(self, audio: dict[str, Any], clip: Clip) -> tuple[dict[str, Any]]:
        import torch

        waveform, rate = audio["waveform"], audio["sample_rate"]
        done = []
        for sound in waveform.detach().float().cpu().contiguous():
            marker = clip.audio(rate, sound.shape[0])
            pieces = [torch.from_numpy(p) for p in (marker.push(sound, layout="CN"), marker.flush())]
            done.append(torch.cat(pieces).T)
        marked = torch.stack(done).to(device=waveform.device, dtype=waveform.dtype)
        return ({**audio, "waveform": marked},)


class Sign:
    """Signs the finished file of a clip."""

    CATEGORY = _PLACE
    FUNCTION = "sign"
    RETURN_TYPES = ("STRING", "STRING")
    RETURN_NAMES = ("path", "payload")
    OUTPUT_NODE = True
    DESCRIPTION = "Writes a signed copy of the finished file, beside it as NAME-signed."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {"clip": (_CLIP,), "path": ("STRING", {"forceInput": True})},
            "optional": {
                "certificate": ("STRING", {"default": ""}),
                "key": ("STRING", {"default": ""}),
            },
        }

    def sign(self, clip: Clip, path: str, certificate: str = "", key: str = "") -> dict[str, Any]:
        name, end = os.path.splitext(path)
        target = f"{name}-signed{end}"
        signed = clip.sign(path, target, identity=_identity(certificate, key))
        said = f"{target}: signed as {signed.payload}"
        return {"ui": {"text": [said]}, "result": (target, signed.payload)}


class Verify:
    """Says where a file comes from."""

    CATEGORY = _PLACE
    FUNCTION = "verify"
    RETURN_TYPES = ("STRING", "STRING")
    RETURN_NAMES = ("verdict", "summary")
    OUTPUT_NODE = True
    DESCRIPTION = "Reads manifest and marks of a file and says where it comes from."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"path": ("STRING", {"default": ""})}}

    @classmethod
    def IS_CHANGED(cls, path: str) -> float | str:
        return os.stat(path).st_mtime if os.path.exists(path) else path

    def verify(self, path: str) -> dict[str, Any]:
        report = verify(path, Key.from_env(), registry=_registry())
        lines = [report.summary, *(reason.text for reason in report.reasons)]
        return {"ui": {"text": lines}, "result": (report.verdict, report.summary)}


NODE_CLASS_MAPPINGS = {
    "ProofmarkMarkVideo": MarkVideo,
    "ProofmarkMarkAudio": MarkAudio,
    "ProofmarkSign": Sign,
    "ProofmarkVerify": Verify,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "ProofmarkMarkVideo": "Mark video",
    "ProofmarkMarkAudio": "Mark audio",
    "ProofmarkSign": "Sign",
    "ProofmarkVerify": "Verify",
}
