//! What a container holds, as libav's muxers and the players of its files have it.

use std::ffi::{CString, c_int};

use ffmpeg_next::codec::Id;
use ffmpeg_next::ffi::{
    AV_DISPOSITION_CAPTIONS, AV_DISPOSITION_CLEAN_EFFECTS, AV_DISPOSITION_COMMENT,
    AV_DISPOSITION_DEFAULT, AV_DISPOSITION_DESCRIPTIONS, AV_DISPOSITION_DUB, AV_DISPOSITION_FORCED,
    AV_DISPOSITION_HEARING_IMPAIRED, AV_DISPOSITION_KARAOKE, AV_DISPOSITION_LYRICS,
    AV_DISPOSITION_ORIGINAL, AV_DISPOSITION_VISUAL_IMPAIRED, av_guess_format, avformat_query_codec,
};
use ffmpeg_next::{Stream, media};

use super::Container;
use super::source::is_cover;

/// What a stream is, for people.
pub(super) fn kind(medium: media::Type) -> &'static str {
    match medium {
        media::Type::Video => "picture",
        media::Type::Audio => "sound",
        media::Type::Subtitle => "subtitles",
        media::Type::Attachment => "attachment",
        _ => "data",
    }
}

/// What a stream is for, as libav has it, in words.
const PURPOSES: [(c_int, &str); 11] = [
    (AV_DISPOSITION_DUB, "dubbed"),
    (AV_DISPOSITION_ORIGINAL, "in the original language"),
    (AV_DISPOSITION_COMMENT, "a commentary"),
    (AV_DISPOSITION_LYRICS, "lyrics"),
    (AV_DISPOSITION_KARAOKE, "for karaoke"),
    (AV_DISPOSITION_FORCED, "forced"),
    (AV_DISPOSITION_HEARING_IMPAIRED, "for people who are hard of hearing"),
    (AV_DISPOSITION_VISUAL_IMPAIRED, "for people who see badly"),
    (AV_DISPOSITION_CLEAN_EFFECTS, "without voices"),
    (AV_DISPOSITION_CAPTIONS, "captions"),
    (AV_DISPOSITION_DESCRIPTIONS, "descriptions"),
];

/// What a container holds.
pub(super) trait Muxer {
    /// Whether the container holds sound, pictures or text of that codec, so that players of it
    /// take them.
    fn holds(self, id: Id) -> bool;

    /// What it says of a stream's purpose, of what libav knows of that.
    fn holds_dispositions(self) -> c_int;

    /// A line on what is said of a stream's purpose and not held.
    fn forgets(self, stream: &Stream<'_>) -> Option<String>;

    /// Whether it says how a picture is turned to be shown.
    fn holds_orientation(self) -> bool;

    /// Whether a stream can be copied into the container.
    fn keeps(self, stream: &Stream<'_>) -> bool;

    /// The four letters by which MP4 names a codec, where libav's own choice is not what players
    /// take: `hvc1` for H.265, as Apple's want it, unless parameter sets were among the frames
    /// already.
    fn tag(self, id: Id, before: u32) -> u32;

    /// Whether it has chapters. libav's of Ogg begin at times that are not theirs.
    fn holds_chapters(self) -> bool;

    /// libav's muxer.
    fn muxer(self) -> &'static str;
}

impl Muxer for Container {
    fn holds(self, id: Id) -> bool {
        let unplayed = match self {
            // libav writes it there, as MPEG-4 part 1 lets it; no browser and no phone plays it.
            Self::Mp4 | Self::Fragments | Self::M4a => id == Id::VORBIS,
            // Those have a place in MP4 alone, which libav says when it is too late.
            Self::Mov => {
                matches!(id, Id::VORBIS | Id::OPUS | Id::FLAC | Id::TRUEHD | Id::VP9 | Id::AV1)
            }
            _ => false,
        };
        if self == Self::Mp3 {
            return id == Id::MP3;
        }
        let Ok(muxer) = CString::new(self.muxer()) else { return false };
        // SAFETY: the name ends with a zero; formats are static table entries, or null, of which
        // libav says no. 1 means yes, 0 no, negative unknown.
        !unplayed
            && unsafe {
                avformat_query_codec(
                    av_guess_format(muxer.as_ptr(), std::ptr::null(), std::ptr::null()),
                    id.into(),
                    -2,
                ) == 1
            }
    }

    fn holds_dispositions(self) -> c_int {
        let all: &[c_int] = match self {
            Self::Mp4 | Self::Fragments => &[
                AV_DISPOSITION_DEFAULT,
                AV_DISPOSITION_FORCED,
                AV_DISPOSITION_COMMENT,
                AV_DISPOSITION_CAPTIONS,
                AV_DISPOSITION_DESCRIPTIONS,
                AV_DISPOSITION_DUB,
            ],
            Self::Matroska => &[
                AV_DISPOSITION_DEFAULT,
                AV_DISPOSITION_FORCED,
                AV_DISPOSITION_COMMENT,
                AV_DISPOSITION_ORIGINAL,
                AV_DISPOSITION_DESCRIPTIONS,
                AV_DISPOSITION_HEARING_IMPAIRED,
                AV_DISPOSITION_VISUAL_IMPAIRED,
            ],
            Self::WebM => &[AV_DISPOSITION_DEFAULT, AV_DISPOSITION_FORCED],
            _ => &[AV_DISPOSITION_DEFAULT],
        };
        all.iter().fold(0, |mask, one| mask | one)
    }

    fn forgets(self, stream: &Stream<'_>) -> Option<String> {
        // SAFETY: the stream is valid; only a plain field is read.
        let lost = unsafe { (*stream.as_ptr()).disposition } & !self.holds_dispositions();
        let names: Vec<&str> = PURPOSES.iter().filter(|p| lost & p.0 != 0).map(|p| p.1).collect();
        let told = || {
            format!(
                "that stream {} ({}) is {} was left out: {} does not say it",
                stream.index(),
                kind(stream.parameters().medium()),
                names.join(" and "),
                self.name()
            )
        };
        (!names.is_empty() && !self.is_sound() && !self.is_still()).then(told)
    }

    fn holds_orientation(self) -> bool {
        matches!(self, Self::Mp4 | Self::Mov | Self::Fragments)
    }

    fn keeps(self, stream: &Stream<'_>) -> bool {
        let id = stream.parameters().id();
        match stream.parameters().medium() {
            _ if self.is_still() || self == Self::Y4m => false,
            media::Type::Attachment => self == Self::Matroska,
            // A picture beside the sound, or the clip.
            media::Type::Video if is_cover(stream) => {
                let kinds: &[Id] = match self {
                    Self::Mp4 | Self::M4a => &[Id::MJPEG, Id::PNG, Id::BMP],
                    Self::Mp3 | Self::Flac => {
                        &[Id::MJPEG, Id::PNG, Id::BMP, Id::GIF, Id::TIFF, Id::WEBP]
                    }
                    Self::Matroska => &[Id::MJPEG, Id::PNG],
                    _ => &[],
                };
                // SAFETY: the stream is valid; only plain fields are read.
                kinds.contains(&id)
                    && unsafe {
                        (*stream.as_ptr()).attached_pic.size > 0
                            && !(*stream.as_ptr()).attached_pic.data.is_null()
                    }
            }
            media::Type::Video if self.is_sound() => false,
            media::Type::Video | media::Type::Audio | media::Type::Subtitle => {
                id != Id::None && self.holds(id)
            }
            // Data streams (camera motion, positions) tie to the container they came from.
            _ => false,
        }
    }

    fn tag(self, id: Id, before: u32) -> u32 {
        let mp4 = matches!(self, Self::Mp4 | Self::Mov | Self::Fragments);
        if mp4 && id == Id::HEVC && before != u32::from_le_bytes(*b"hev1") {
            u32::from_le_bytes(*b"hvc1")
        } else {
            0
        }
    }

    fn holds_chapters(self) -> bool {
        matches!(
            self,
            Self::Mp4
                | Self::Mov
                | Self::M4a
                | Self::Fragments
                | Self::Matroska
                | Self::WebM
                | Self::Mp3
        )
    }

    fn muxer(self) -> &'static str {
        match self {
            Self::Mp4 | Self::Fragments => "mp4",
            Self::Mov => "mov",
            Self::Matroska => "matroska",
            Self::WebM => "webm",
            Self::M4a => "ipod",
            Self::Ogg => "ogg",
            Self::Flac => "flac",
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
            Self::Png | Self::Jpeg => "image2",
            Self::WebP => "webp",
            Self::Y4m => "yuv4mpegpipe",
        }
    }
}
