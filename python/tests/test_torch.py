"""Tensors, diffusers and ComfyUI, where they are installed."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import write

import proofmark as pm

torch = pytest.importorskip("torch")


def test_tensors_are_marked_where_they_lie(key, frames):
    clip, frames = pm.Clip(key), frames[:6]
    whole = clip.video(640, 360).mark(frames.copy())
    tensor = torch.from_numpy(frames.copy())
    assert clip.video(640, 360).mark(tensor) is tensor
    assert (tensor.numpy() == whole).all()
    planes = tensor.new_tensor(frames).permute(0, 3, 1, 2).contiguous()
    clip.video(640, 360).mark(planes, layout="TCHW")
    assert (planes.permute(0, 2, 3, 1).numpy() == whole).all()
    floats = torch.from_numpy(frames.astype(np.float32) / 255).requires_grad_()
    with pytest.raises(pm.UsageError, match="detach"):
        clip.video(640, 360).mark(floats)
    marked = clip.video(640, 360).mark(floats.detach().clone())
    assert pm.detect_frames(marked, key).payload == clip.payload
    with pytest.raises(pm.UsageError, match="convert to"):
        clip.video(640, 360).mark(tensor.to(torch.bfloat16))
    with pytest.raises(pm.UsageError):
        clip.video(640, 360).mark(tensor.to("meta"))


def tiny_pipeline():
    """Stable Diffusion XL of random weights, small enough for a test."""
    diffusers = pytest.importorskip("diffusers")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    unet = diffusers.UNet2DConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, sample_size=32, in_channels=4,
        out_channels=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), attention_head_dim=(2, 4),
        use_linear_projection=True, addition_embed_type="text_time",
        addition_time_embed_dim=8, transformer_layers_per_block=(1, 1),
        projection_class_embeddings_input_dim=80, cross_attention_dim=64,
    )
    vae = diffusers.AutoencoderKL(
        block_out_channels=[32, 64], in_channels=3, out_channels=3, latent_channels=4,
        down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
        sample_size=128,
    )
    text = dict(bos_token_id=0, eos_token_id=2, hidden_size=32, intermediate_size=37,
        num_attention_heads=4, num_hidden_layers=2, vocab_size=1000, projection_dim=32)
    return diffusers.StableDiffusionXLPipeline(
        unet=unet, vae=vae, scheduler=diffusers.EulerDiscreteScheduler(),
        text_encoder=None, text_encoder_2=transformers.CLIPTextModelWithProjection(
            transformers.CLIPTextConfig(**text)), tokenizer=None, tokenizer_2=None,
        add_watermarker=False,
    )


def test_a_pipeline_of_diffusers_marks_what_it_makes(key):
    from proofmark.diffusers import Watermarker

    pipe = tiny_pipeline()
    pipe.set_progress_bar_config(disable=True)
    given = dict(
        prompt_embeds=torch.randn(2, 77, 64), pooled_prompt_embeds=torch.randn(2, 32),
        negative_prompt_embeds=torch.randn(2, 77, 64),
        negative_pooled_prompt_embeds=torch.randn(2, 32),
        num_inference_steps=2, output_type="np", height=256, width=256,
    )
    plain = pipe(**given, generator=torch.manual_seed(3)).images
    pipe.watermark = Watermarker(key, title="A kitchen")
    marked = pipe(**given, generator=torch.manual_seed(3)).images
    assert len(pipe.watermark.clips) == 2
    assert 0 < np.abs(marked - plain).max() < 0.1
    for image, clip in zip(marked, pipe.watermark.clips, strict=True):
        # So small a picture is read by whoever knows what to expect.
        picture = np.round(image * 255).astype(np.uint8)
        assert pm.detect_frames(picture[None], key, payload=clip.payload).detected
        assert not pm.detect_frames(picture[None], key, payload=pm.Clip(key).payload).payload


def test_frames_of_a_video_pipeline(key, frames):
    from PIL import Image

    from proofmark.diffusers import Watermarker

    marker = Watermarker(key)
    arrays = marker.mark_video(frames.astype(np.float32) / 255)
    assert pm.detect_frames(arrays, key).payload == marker.clips[0].payload
    tensor = torch.from_numpy(frames.astype(np.float32) / 255).permute(0, 3, 1, 2)
    done = marker.mark_video(tensor.to(torch.float16))
    assert done.dtype == torch.float16 and done.shape == tensor.shape
    assert pm.detect_frames(done.float(), key, layout="TCHW").payload == marker.clips[0].payload
    pictures = marker.mark_video([Image.fromarray(f) for f in frames])
    assert pm.detect_frames([np.array(p) for p in pictures], key).payload == marker.clips[0].payload


def test_nodes_of_comfyui(key, identity, frames, tmp_path, monkeypatch):
    from proofmark import comfyui

    key.save(tmp_path / "mark.key")
    pm.Identity.make_test(tmp_path / "chain.pem", tmp_path / "signer.pem")
    monkeypatch.setenv("PROOFMARK_KEY_FILE", str(tmp_path / "mark.key"))
    nodes = comfyui.NODE_CLASS_MAPPINGS
    assert nodes.keys() == comfyui.NODE_DISPLAY_NAME_MAPPINGS.keys()
    for node in nodes.values():
        assert set(node.INPUT_TYPES()) <= {"required", "optional"}
        assert hasattr(node, node.FUNCTION) and node.CATEGORY == "Proofmark"
    images = torch.from_numpy(frames.astype(np.float32) / 255)
    before = images.clone()
    marked, clip = nodes["ProofmarkMarkVideo"]().mark(images, 24.0, "standard", title="A")
    assert torch.equal(images, before) and marked.shape == images.shape
    sound = {"waveform": torch.randn(1, 2, 96_000) * 0.1, "sample_rate": 48_000}
    (audio,) = nodes["ProofmarkMarkAudio"]().mark(sound, clip)
    assert audio["waveform"].shape == (1, 2, 96_000)
    assert not torch.equal(audio["waveform"], sound["waveform"])
    finished = write((marked.numpy() * 255).round().astype(np.uint8), tmp_path / "a.mp4")
    sign = nodes["ProofmarkSign"]()
    with pytest.raises(pm.UsageError, match="PROOFMARK_SIGN_CERT"):
        sign.sign(clip, str(finished))
    done = sign.sign(clip, str(finished), str(tmp_path / "chain.pem"), str(tmp_path / "signer.pem"))
    path, payload = done["result"]
    assert payload == clip.payload and path.endswith("a-signed.mp4")
    told = nodes["ProofmarkVerify"]().verify(path)
    assert told["result"][0] and told["ui"]["text"]
