//! Which encoder of libav's writes a picture.

use std::path::Path;

use ffmpeg_next::Codec;
use ffmpeg_next::codec::encoder;
use ffmpeg_next::ffi::{AV_CODEC_CAP_HARDWARE, AV_CODEC_CAP_HYBRID};

use super::codec::{EncodeOptions, VideoCodec};
use super::muxer::Muxer;
use super::video_format::VideoFormat;
use super::{Container, MediaError};

/// An encoder that was chosen, of libav's.
pub(super) struct Chosen {
    pub(super) codec: VideoCodec,
    pub(super) found: Codec,
    /// The codec's name for people.
    pub(super) name: &'static str,
    /// Whether it is one that is used for the codec, whose own words are known here.
    pub(super) usual: bool,
}

impl Chosen {
    /// What is asked for, else the source's family where the container holds it; an error if the
    /// container does not hold the codec.
    pub(super) fn of(
        path: &Path,
        container: Container,
        options: &EncodeOptions,
        source: &VideoFormat,
    ) -> Result<Self, MediaError> {
        let family = || VideoCodec::default_for(source.codec, container);
        let codec = options.codec.unwrap_or_else(family);
        let known = codec.encoders();
        let asked = options.encoder.as_deref();
        let found = match asked {
            Some(name) => encoder::find_by_name(name),
            None => known.iter().find_map(|name| encoder::find_by_name(name)),
        };
        let found = found.ok_or_else(|| MediaError::Encoder {
            path: path.into(),
            codec: asked.unwrap_or(codec.name()).into(),
            reason: "libav was built without it".into(),
        })?;
        let is_other = codec == VideoCodec::Other;
        let name = if is_other { found.id().name() } else { codec.name() };
        let usual = known.contains(&found.name());
        let fits = if is_other {
            !container.is_still()
                && !container.is_sound()
                && container != Container::Y4m
                && container.holds(found.id())
        } else {
            codec.fits(container)
        };
        if fits {
            return Ok(Self { codec, found, name, usual });
        }
        Err(MediaError::CannotHold {
            path: path.into(),
            container: container.name(),
            what: name.into(),
            advice: "choose another --video-codec, or a .mkv target",
        })
    }

    /// libav's name of it.
    pub(super) fn encoder(&self) -> &str {
        self.found.name()
    }

    pub(super) fn failed(&self, path: &Path, reason: String) -> MediaError {
        let codec = if self.usual { self.name } else { self.encoder() }.into();
        MediaError::Encoder { path: path.into(), codec, reason }
    }

    /// Whether it works on a device of its own.
    pub(super) fn is_hardware(&self) -> bool {
        // SAFETY: a codec is a static table entry.
        let can = unsafe { (*self.found.as_ptr()).capabilities };
        can & (AV_CODEC_CAP_HARDWARE | AV_CODEC_CAP_HYBRID) as i32 != 0
    }
}
