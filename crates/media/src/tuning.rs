//! What encoders are told in their own words: presets, quality, how far they look ahead.

use std::ops::RangeInclusive;

use ffmpeg_next::Dictionary;
use ffmpeg_next::format::Pixel;

use super::codec::{EncodeOptions, VideoCodec};
use super::frame::has_alpha;
use super::video_format::VideoFormat;

/// Presets of x264 and x265.
const PRESETS: [&str; 10] = [
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
];

/// Whether the encoder has such a preset.
///
/// # Errors
/// Those that it has.
pub(super) fn takes_preset(codec: VideoCodec, preset: &str) -> Result<(), String> {
    let is_among =
        |range: RangeInclusive<i8>| preset.parse().is_ok_and(|number| range.contains(&number));
    match codec {
        VideoCodec::H264 | VideoCodec::H265 if !PRESETS.contains(&preset) => {
            Err(PRESETS.join(", "))
        }
        VideoCodec::Vp9 if !is_among(-8..=8) => Err("-8 to 8, the largest the quickest".into()),
        VideoCodec::Av1 if !is_among(-2..=13) => Err("-2 to 13, the largest the quickest".into()),
        _ => Ok(()),
    }
}

/// Memory for frames that the encoder looks ahead.
const LOOKAHEAD_BYTES: usize = 48 << 20;

/// Frames that x264 and x265 look ahead: what the preset says, but no more than fit in
/// [`LOOKAHEAD_BYTES`], so that large frames do not fill the memory. Seven instead of ten make
/// 1080p 1.5 % smaller and take 0.0001 off its SSIM at visually lossless rates.
fn lookahead(preset: &str, frame_bytes: usize) -> usize {
    const BY_PRESET: [usize; PRESETS.len()] = [0, 0, 10, 20, 30, 40, 50, 60, 60, 60];
    let wanted = PRESETS.iter().position(|&p| p == preset).map_or(40, |i| BY_PRESET[i]);
    wanted.min((LOOKAHEAD_BYTES / frame_bytes.max(1)).max(7))
}

/// The encoder's own options: quality, speed, HDR metadata.
pub(super) fn private_options(
    codec: VideoCodec,
    format: Pixel,
    options: &EncodeOptions,
    source: &VideoFormat,
) -> Dictionary<'static> {
    let mut d = Dictionary::new();
    let crf = |default: f32| options.crf.unwrap_or(default).to_string();
    let constant = options.bitrate.is_none();
    let preset = |default: &str| options.preset.clone().unwrap_or_else(|| default.into());
    match codec {
        VideoCodec::H264 => {
            d.set("preset", &preset("medium"));
            d.set("rc-lookahead", &lookahead(&preset("medium"), source.frame_bytes()).to_string());
            if constant {
                d.set("crf", &crf(17.0));
            }
        }
        VideoCodec::H265 => {
            d.set("preset", &preset("medium"));
            if constant {
                d.set("crf", &crf(18.0));
            }
            // x265 refuses to look ahead no further than it has B-frames.
            let ahead = format!(
                "rc-lookahead={}",
                lookahead(&preset("medium"), source.frame_bytes()).clamp(10, 20)
            );
            // Where it is not let see the machine's memory nodes, as in our workers and in most
            // containers, it would start no threads of its own accord, and code otherwise.
            let threads =
                format!("pools={}", std::thread::available_parallelism().map_or(1, usize::from));
            d.set(
                "x265-params",
                &[vec!["log-level=none".to_string(), ahead, threads], source.hdr.clone()]
                    .concat()
                    .join(":"),
            );
        }
        VideoCodec::Vp9 => {
            d.set("deadline", "good");
            d.set("row-mt", "1");
            // libvpx codes no transparency with frames that are never shown.
            if has_alpha(format) {
                d.set("auto-alt-ref", "0");
            }
            d.set("cpu-used", &preset("4"));
            if constant {
                d.set("crf", &crf(20.0));
                d.set("b", "0");
            }
        }
        VideoCodec::Av1 => {
            d.set("preset", &preset("8"));
            if constant {
                d.set("crf", &crf(22.0));
            }
        }
        VideoCodec::Ffv1 => {
            d.set("level", "3");
            d.set("slicecrc", "1");
        }
        VideoCodec::WebP => d.set("quality", "95"),
        VideoCodec::Png | VideoCodec::Jpeg | VideoCodec::Raw => {}
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_each_encoders_own() {
        let takes = |codec, preset| takes_preset(codec, preset).is_ok();
        assert!(
            takes(VideoCodec::H264, "veryfast")
                && takes(VideoCodec::Vp9, "8")
                && takes(VideoCodec::Av1, "13")
                && takes(VideoCodec::Ffv1, "slow")
        );
        assert!(
            !takes(VideoCodec::H265, "5")
                && !takes(VideoCodec::Vp9, "fast")
                && !takes(VideoCodec::Vp9, "9")
                && !takes(VideoCodec::Av1, "14")
                && !takes(VideoCodec::Av1, "")
        );
        assert!(
            takes_preset(VideoCodec::Vp9, "fast").is_err_and(|presets| presets.contains("-8 to 8"))
        );
    }
}
