//! The attacks of an evaluation: what happens to clips between the one who stamps and the one who
//! detects.
//!
//! Each is a chain of libav's filters and an encoding. Their kinds are those that robustness suites
//! have in common; their values go from mild to where a clip is hardly worth keeping.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::Serialize;

use crate::media::{EncodeOptions, Gop, VideoCodec};

/// What attacks have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Group {
    /// Re-encoding alone.
    Codec,
    /// What platforms deliver: fewer lines at low bit rates.
    Platform,
    /// Where the picture lies.
    Geometry,
    /// What its samples are.
    Values,
    /// When it is shown.
    Time,
    /// What is laid over it.
    Overlay,
    /// Several at once, as people do.
    Combined,
}

impl Group {
    /// All groups, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Codec,
        Self::Platform,
        Self::Geometry,
        Self::Values,
        Self::Time,
        Self::Overlay,
        Self::Combined,
    ];

    /// Its name, as it is chosen and reported.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Codec => "codec",
            Self::Platform => "platform",
            Self::Geometry => "geometry",
            Self::Values => "values",
            Self::Time => "time",
            Self::Overlay => "overlay",
            Self::Combined => "combined",
        }
    }
}

/// Something that happens to clips.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Attack {
    /// Its name, as it is chosen and reported.
    pub name: &'static str,
    /// What it belongs to.
    pub group: Group,
    /// What it does, in a few words.
    pub about: &'static str,
    /// What it does, in the syntax of libavfilter.
    #[serde(skip)]
    pub filter: &'static str,
    #[serde(skip)]
    codec: VideoCodec,
    #[serde(skip)]
    rate: Rate,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rate {
    Crf(u8),
    Bits(u64),
}

/// Where machines keep fonts, and how deep.
const FONTS: [&str; 3] = ["/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts"];
const DEPTH: usize = 4;

/// Begins the filter that writes.
const DRAWTEXT: &str = "drawtext=";

/// The first font in a folder, or below it, whose path says nothing to libav's parser.
fn font_in(folder: &Path, depth: usize) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.filter_map(|e| Some(e.ok()?.path())).collect();
    // That which most have comes first.
    entries.sort_by_key(|path| {
        (
            !path.ends_with("truetype")
                && !path.ends_with("dejavu")
                && !path.ends_with("DejaVuSans.ttf"),
            path.clone(),
        )
    });
    let plain = |path: &Path| {
        path.to_str()
            .is_some_and(|p| p.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)))
    };
    entries.into_iter().find_map(|path| match path.extension() {
        Some(kind) if (kind == "ttf" || kind == "otf") && plain(&path) => Some(path),
        _ if path.is_dir() && depth > 0 => font_in(&path, depth - 1),
        _ => None,
    })
}

impl Attack {
    const fn codec(name: &'static str, about: &'static str, codec: VideoCodec, crf: u8) -> Self {
        Self { name, group: Group::Codec, about, filter: "null", codec, rate: Rate::Crf(crf) }
    }

    /// An attack that ends in an ordinary encoding.
    const fn new(
        group: Group,
        name: &'static str,
        about: &'static str,
        filter: &'static str,
    ) -> Self {
        Self { name, group, about, filter, codec: VideoCodec::H264, rate: Rate::Crf(23) }
    }

    const fn rate(self, rate: Rate) -> Self {
        Self { rate, ..self }
    }

    /// The whole chain: filters count in eight bits, and 4:2:0 is what gets about. `font` is what
    /// writing is set in, where that is known.
    pub(crate) fn chain(&self, font: Option<&Path>) -> String {
        let filter = match font.and_then(Path::to_str) {
            Some(font) => self.filter.replace(DRAWTEXT, &format!("{DRAWTEXT}fontfile={font}:")),
            None => self.filter.into(),
        };
        format!("format=yuv420p,{filter},format=yuv420p")
    }

    /// A font for what the chain writes, if it writes anything and this machine has one. Whoever
    /// may open no other file cannot look for one.
    pub(crate) fn font(&self) -> Option<PathBuf> {
        static FONT: LazyLock<Option<PathBuf>> =
            LazyLock::new(|| FONTS.iter().find_map(|folder| font_in(Path::new(folder), DEPTH)));
        FONT.clone().filter(|_| self.filter.contains(DRAWTEXT))
    }

    /// Presets are quick ones: what an attack costs is mostly encoding.
    pub(crate) fn encode(&self) -> EncodeOptions {
        let preset = match self.codec {
            VideoCodec::Vp9 => "5",
            VideoCodec::Av1 => "10",
            _ => "veryfast",
        };
        let (crf, bitrate) = match self.rate {
            Rate::Crf(crf) => (Some(f32::from(crf)), None),
            Rate::Bits(bits) => (None, Some(bits)),
        };
        EncodeOptions {
            codec: Some(self.codec),
            // What an attack is called by, and no other of its codec.
            encoder: self.codec.best_encoder(),
            crf,
            bitrate,
            preset: Some(preset.into()),
            gop: Some(Gop::Own),
            ..EncodeOptions::default()
        }
    }
}

/// Scales to at most so many lines of the shorter side.
macro_rules! lines {
    ($n:literal) => {
        concat!(
            "scale=w='if(gt(iw,ih),-2,min(",
            $n,
            ",trunc(iw/2)*2))':h='if(gt(iw,ih),min(",
            $n,
            ",trunc(ih/2)*2),-2)'"
        )
    };
}

/// Text as wide as three quarters of the picture.
macro_rules! text {
    ($y:literal, $colour:literal) => {
        concat!(
            "drawtext=text='When nobody is looking':fontsize=h*0.07:x=(w-tw)/2:y=h*",
            $y,
            ":fontcolor=",
            $colour
        )
    };
}

/// A caption line in a dark bar near the lower edge.
const CAPTION: &str =
    concat!("drawbox=y=ih*0.8:h=ih*0.14:color=black@0.7:t=fill,", text!("0.84", "white"));

const ATTACKS: [Attack; 46] = {
    use Group::{Combined, Geometry, Overlay, Platform, Time, Values};
    use VideoCodec::{Av1, H264, H265, Vp9};
    [
        Attack::codec("x264-crf23", "H.264 at CRF 23", H264, 23),
        Attack::codec("x264-crf30", "H.264 at CRF 30", H264, 30),
        Attack::codec("x264-crf36", "H.264 at CRF 36", H264, 36),
        Attack::codec("x265-crf28", "H.265 at CRF 28", H265, 28),
        Attack::codec("vp9-crf36", "VP9 at CRF 36", Vp9, 36),
        Attack::codec("av1-crf40", "AV1 at CRF 40", Av1, 40),
        Attack::new(Platform, "720p", "720 lines at 1500 kbit/s", lines!(720))
            .rate(Rate::Bits(1_500_000)),
        Attack::new(Platform, "480p", "480 lines at 700 kbit/s", lines!(480))
            .rate(Rate::Bits(700_000)),
        Attack::new(Platform, "360p", "360 lines at 400 kbit/s", lines!(360))
            .rate(Rate::Bits(400_000)),
        Attack::new(Platform, "240p", "240 lines at 220 kbit/s", lines!(240))
            .rate(Rate::Bits(220_000)),
        Attack::new(Geometry, "mirror", "mirrored left to right", "hflip"),
        Attack::new(Geometry, "rotate-2", "turned by 2°", "rotate=2*PI/180"),
        Attack::new(Geometry, "rotate-8", "turned by 8°", "rotate=8*PI/180"),
        Attack::new(Geometry, "rotate-90", "turned by a quarter", "transpose=clock"),
        Attack::new(
            Geometry,
            "resize-60",
            "resized to 60 %",
            "scale=trunc(iw*0.3)*2:trunc(ih*0.3)*2",
        ),
        Attack::new(Geometry, "crop-75", "cropped to 75 % of each side", "crop=iw*0.75:ih*0.75"),
        Attack::new(Geometry, "crop-55", "cropped to 55 % of each side", "crop=iw*0.55:ih*0.55"),
        Attack::new(
            Geometry,
            "vertical",
            "cropped to 9:16",
            "crop=w='min(iw,ih*9/16)':h='min(ih,iw*16/9)'",
        ),
        Attack::new(
            Geometry,
            "letterbox",
            "black bars above and below",
            "pad=iw:trunc(ih*2/3)*2:0:(oh-ih)/2",
        ),
        Attack::new(
            Geometry,
            "squeeze",
            "squeezed as from 16:9 to 4:3",
            "scale=trunc(iw*0.375)*2:ih,setsar=1",
        ),
        Attack::new(
            Geometry,
            "perspective",
            "slightly from the side",
            "perspective=0.03*W:0.02*H:0.98*W:0:0:0.97*H:W:H:interpolation=cubic",
        ),
        Attack::new(
            Geometry,
            "picture-in-picture",
            "half its size, in another picture",
            "scale=trunc(iw/4)*2:trunc(ih/4)*2,pad=iw*2:ih*2:iw*0.8:ih*0.3:color=slategray",
        ),
        Attack::new(
            Geometry,
            "shaken",
            "cut to 94 % and shaken",
            "crop=iw*0.94:ih*0.94:x='(iw-ow)/2*(1+sin(n/5))':y='(ih-oh)/2*(1+cos(n/7))'",
        ),
        Attack::new(Geometry, "swaying", "turned to and fro by 2°", "rotate='2*PI/180*sin(2*t)'"),
        Attack::new(
            Values,
            "darker",
            "brightness × 0.6",
            "lutyuv=y=(val-16)*0.6+16:u=(val-128)*0.6+128:v=(val-128)*0.6+128",
        ),
        Attack::new(
            Values,
            "brighter",
            "brightness × 1.4",
            "lutyuv=y='min((val-16)*1.4+16,235)':u='clip((val-128)*1.4+128,16,240)':\
            v='clip((val-128)*1.4+128,16,240)'",
        ),
        Attack::new(Values, "contrast", "contrast × 1.5", "eq=contrast=1.5"),
        Attack::new(Values, "saturation", "saturation × 1.8", "eq=saturation=1.8"),
        Attack::new(Values, "gray", "without colour", "hue=s=0"),
        Attack::new(Values, "invert", "inverted", "negate"),
        Attack::new(
            Values,
            "blur",
            "Gaussian blur, standard deviation 1.5 pixels",
            "gblur=sigma=1.5",
        ),
        Attack::new(Values, "median", "median over 5×5 pixels", "median=radius=2"),
        Attack::new(Values, "sharpen", "sharpened", "unsharp=7:7:1.5"),
        Attack::new(Values, "noise", "noise that changes each frame", "noise=alls=20:allf=t"),
        Attack::new(Values, "denoise", "denoised in space and time", "hqdn3d=6"),
        Attack::new(Time, "fps-15", "15 frames a second", "fps=15"),
        Attack::new(Time, "slow", "speed × 0.5", "setpts=2*PTS"),
        Attack::new(Time, "fast", "speed × 2", "setpts=0.5*PTS"),
        Attack::new(
            Time,
            "excerpt-3s",
            "three seconds of it",
            "setpts=PTS-STARTPTS,trim=start=0.5:duration=3,setpts=PTS-STARTPTS",
        ),
        Attack::new(
            Time,
            "excerpt-1s",
            "one second of it",
            "setpts=PTS-STARTPTS,trim=start=0.5:duration=1,setpts=PTS-STARTPTS",
        ),
        Attack::new(Overlay, "caption", "a caption in a dark bar", CAPTION),
        Attack::new(
            Overlay,
            "sticker",
            "a sticker over a tenth of the picture",
            "drawbox=iw*0.6:ih*0.1:iw*0.3:ih*0.35:orange:fill,\
            drawbox=iw*0.65:ih*0.2:iw*0.2:ih*0.1:white:fill",
        ),
        Attack::new(
            Combined,
            "crop-darker",
            "cropped to 80 %, brightness × 0.7, CRF 30",
            "crop=iw*0.8:ih*0.8,lutyuv=y=(val-16)*0.7+16",
        )
        .rate(Rate::Crf(30)),
        Attack::new(
            Combined,
            "meme",
            "cropped to 90 %, text above, 540 lines at 800 kbit/s",
            concat!(
                "crop=iw*0.9:ih*0.9,pad=iw:trunc(ih*0.6)*2:0:oh-ih:color=white,",
                text!("0.05", "black"),
                ",",
                lines!(540)
            ),
        )
        .rate(Rate::Bits(800_000)),
        Attack::new(
            Combined,
            "screen",
            "off a screen: perspective, blur, noise, CRF 26",
            "perspective=0.02*W:0.03*H:0.97*W:0.01*H:0.01*W:0.98*H:W:0.96*H:interpolation=cubic,\
            gblur=sigma=0.8,noise=alls=12:allf=t",
        )
        .rate(Rate::Crf(26)),
        Attack::new(
            Combined,
            "far-screen",
            "off a screen that fills three quarters of the picture, CRF 26",
            "perspective=0.12*W:0.1*H:0.86*W:0.14*H:0.1*W:0.88*H:0.9*W:0.84*H:sense=destination:\
            interpolation=cubic,gblur=sigma=0.8,noise=alls=12:allf=t",
        )
        .rate(Rate::Crf(26)),
    ]
};

/// All attacks, group by group.
#[must_use]
pub fn attacks() -> &'static [Attack] {
    const { &ATTACKS }
}

/// A name that is neither an attack's nor a group's.
#[derive(Debug, thiserror::Error)]
#[error(
    "'{name}' is neither an attack nor a group; the groups are {}, the attacks {}",
    list(Group::ALL.map(Group::name)),
    list(ATTACKS.map(|a| a.name))
)]
pub struct UnknownAttack {
    /// The name.
    pub name: String,
}

fn list<const N: usize>(names: [&str; N]) -> String {
    names.join(", ")
}

/// The attacks that `names`, of attacks or of groups, choose, in the order of the table.
///
/// # Errors
/// [`UnknownAttack`] for a name that is neither.
pub fn select(names: &[String]) -> Result<Vec<&'static Attack>, UnknownAttack> {
    let means = |name: &str, attack: &Attack| attack.name == name || attack.group.name() == name;
    if let Some(name) = names.iter().find(|n| !attacks().iter().any(|a| means(n, a))) {
        return Err(UnknownAttack { name: name.clone() });
    }
    Ok(attacks().iter().filter(|a| names.iter().any(|n| means(n, a))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_groups_stand_together() {
        let mut names: Vec<&str> =
            attacks().iter().map(|a| a.name).chain(Group::ALL.map(Group::name)).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|n| n[0] != n[1]), "{names:?}");
        let order: Vec<usize> = attacks()
            .iter()
            .filter_map(|a| Group::ALL.iter().position(|&g| g == a.group))
            .collect();
        assert!(order.len() == attacks().len() && order.is_sorted());
    }

    #[test]
    fn attacks_are_chosen_by_name_and_by_group() {
        let names = |chosen: &[&str]| {
            select(&chosen.iter().map(|s| (*s).to_string()).collect::<Vec<_>>())
                .map(|l| l.iter().map(|a| a.name).collect::<Vec<_>>())
        };
        assert_eq!(
            names(&["mirror", "overlay", "x264-crf23", "caption"]).unwrap(),
            ["x264-crf23", "mirror", "caption", "sticker"]
        );
        let told = names(&["mirror", "mirorr"]).unwrap_err().to_string();
        assert!(
            told.starts_with("'mirorr'")
                && told.contains("overlay")
                && told.contains("picture-in-picture"),
            "{told}"
        );
    }

    /// Here every filter and encoder is there; elsewhere one that is missing is skipped.
    #[test]
    fn libav_runs_them_all() {
        let clip =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bigbuckbunny.mp4");
        let folder = tempfile::tempdir().unwrap();
        for attack in attacks() {
            let target = folder.path().join(attack.name).with_extension("mp4");
            let chain = format!("trim=end=0.7,scale=320:-2,{}", attack.chain(None));
            let run = crate::media::filter(
                &clip,
                &target,
                crate::media::FilterOptions { chain: &chain, encode: &attack.encode() },
                &Default::default(),
                &Default::default(),
            );
            assert!(run.is_ok(), "{}: {:?}", attack.name, run.err());
        }
    }
}
