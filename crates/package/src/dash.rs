//! MPDs of DASH (ISO/IEC 23009-1), followed: what is read of them is where segments are.

use super::element::{Element, parse};
use super::place::Place;
use super::{Extent, PackageError, RENDITIONS, Rendition, SEGMENTS, Segment};

/// Follows an MPD whose bytes these are.
pub(super) fn follow(place: &Place, bytes: &[u8]) -> Result<Vec<Rendition>, PackageError> {
    let mpd = parse(bytes).ok_or_else(|| place.odd("it is no MPD that can be read"))?;
    if let Some(what) = mpd.unfollowed() {
        return Err(
            place.odd(format!("what its {what} leads to is not looked at here; take it out"))
        );
    }
    let live = mpd.attribute("type") == Some("dynamic");
    let extent = if live { Extent::Window } else { Extent::Whole };
    let periods: Vec<&Element> = mpd.all("Period").collect();
    // Each form of all periods one behind the other, by its id.
    let (mut out, mut begun) = (Vec::<(String, Rendition)>::new(), 0.0);
    for (number, period) in periods.iter().enumerate() {
        let last = number + 1 == periods.len();
        let whole = mpd.attribute("mediaPresentationDuration").and_then(duration);
        let length = period
            .attribute("duration")
            .and_then(duration)
            .or(whole.filter(|_| last).map(|all| all - begun));
        let later = if number > 0 { format!(", from {begun:.1} s") } else { String::new() };
        for set in period.all("AdaptationSet") {
            for form in set.all("Representation") {
                let way = Way { elements: [&mpd, *period, set, form], place, length, begun };
                let Some(rendition) = way.rendition(extent, &later)? else { continue };
                let id = form.attribute("id").unwrap_or_default().to_string();
                let at = out.iter().rposition(|(other, _)| *other == id);
                out.insert(at.map_or(out.len(), |at| at + 1), (id, rendition));
                if out.len() > RENDITIONS {
                    return Err(place.odd(format!("it has more than {RENDITIONS} renditions")));
                }
            }
        }
        begun += length.unwrap_or(0.0);
    }
    let all: Vec<Rendition> = out.into_iter().map(|(_, rendition)| rendition).collect();
    let count = all.iter().map(|r| r.segments.len()).sum::<usize>();
    match count {
        0 => Err(place.odd("it names no segment")),
        _ if count > SEGMENTS => Err(place.odd(format!("it has more than {SEGMENTS} segments"))),
        _ => Ok(all),
    }
}

/// How it is said where segments are.
const WAYS: [&str; 3] = ["SegmentTemplate", "SegmentList", "SegmentBase"];

/// From the root to one representation, and when its period is.
struct Way<'a> {
    elements: [&'a Element; 4],
    place: &'a Place,
    length: Option<f64>,
    begun: f64,
}

/// An address as it is meant beside another: what is behind that one's last slash is a name, and
/// this stands in its place.
fn resolved(base: &str, address: &str) -> String {
    if address.contains(':') || address.starts_with('/') {
        return address.into();
    }
    let folder = base.rfind('/').map_or("", |end| &base[..=end]);
    format!("{folder}{address}")
}

impl Way<'_> {
    /// What the nearest element says.
    fn attribute(&self, name: &str) -> Option<&str> {
        self.elements.iter().rev().find_map(|e| e.attribute(name))
    }

    /// The address of its files as far as it is said beside each.
    fn base(&self) -> String {
        let said = self.elements.iter().filter_map(|e| e.first("BaseURL"));
        said.fold(String::new(), |base, next| resolved(&base, next.text.trim()))
    }

    /// Its segments; `None` of what is neither picture nor sound.
    fn rendition(&self, extent: Extent, later: &str) -> Result<Option<Rendition>, PackageError> {
        let kinds = [self.attribute("contentType"), self.attribute("mimeType")];
        let is = |kind: &str| {
            let begins = |k: &str| k.to_ascii_lowercase().starts_with(kind);
            kinds.iter().flatten().any(|k| begins(k))
        };
        // Text is neither; what is called anything else may be played.
        if (is("text") || is("application/ttml")) && !is("video") && !is("audio") {
            return Ok(None);
        }
        if self.elements.iter().any(|e| e.first("ContentProtection").is_some()) {
            return Err(self
                .place
                .odd("its segments are encrypted; give them as they were before"));
        }
        let id = self.elements[3].attribute("id").unwrap_or("rendition");
        // The nearest element says where its segments are; of several in one players take either.
        let ways = |e: &&&Element| WAYS.iter().filter(|way| e.first(way).is_some()).count();
        let nearest = self.elements.iter().rev().find(|e| ways(e) > 0);
        if nearest.is_some_and(|e| ways(&e) > 1) {
            return Err(self.place.odd(format!("'{id}' says twice where its segments are")));
        }
        let way = nearest.and_then(|e| WAYS.iter().find(|way| e.first(way).is_some()));
        let (init, mut segments) = match way {
            Some(&"SegmentTemplate") => self.templated(&self.inherited("SegmentTemplate"))?,
            Some(&"SegmentList") => self.listed(&self.inherited("SegmentList"))?,
            _ => {
                let base = self.base();
                let file = if base.is_empty() { "its files" } else { &base };
                return Err(self.place.odd(format!(
                    "its segments are stretches of '{file}'; give that file itself"
                )));
            }
        };
        // What begins behind the period's end is not played.
        if let Some(length) = self.length {
            segments.retain(|s| s.start < self.begun + length - 1e-3);
        }
        Ok(Some(Rendition {
            name: format!("{id}{later}"),
            sound: is("audio") && !is("video"),
            bandwidth: self.attribute("bandwidth").and_then(|b| b.parse().ok()).unwrap_or(0),
            init,
            segments,
            extent,
            continues: !later.is_empty(),
        }))
    }

    /// Elements of a name, the nearest first: what the first lacks another may say.
    fn inherited(&self, name: &str) -> Template<'_> {
        Template(self.elements.iter().rev().filter_map(|e| e.first(name)).collect())
    }

    fn file(&self, address: &str) -> Result<std::path::PathBuf, PackageError> {
        self.place.file(&resolved(&self.base(), address))
    }

    /// Segments that are named one by one.
    fn listed(&self, lists: &Template<'_>) -> Result<Found, PackageError> {
        let init = lists.0.iter().find_map(|l| l.first("Initialization"));
        let init = init.and_then(|i| i.attribute("sourceURL"));
        let urls: Vec<&Element> =
            lists.0.first().map(|l| l.all("SegmentURL").collect()).unwrap_or_default();
        let names: Vec<&str> = urls.iter().filter_map(|s| s.attribute("media")).collect();
        if names.len() < urls.len() || urls.iter().any(|u| u.attribute("mediaRange").is_some()) {
            return Err(self.place.odd("its segments are stretches of a file; give that itself"));
        }
        let times = self.times(lists, Some(names.len()))?;
        let segments = names.iter().zip(times).map(|(name, time)| {
            let Time { start, seconds, .. } = time;
            Ok(Segment { path: self.file(name)?, start, seconds })
        });
        Ok((init.map(|i| self.file(i)).transpose()?, segments.collect::<Result<_, _>>()?))
    }

    /// Segments that are named by a pattern.
    fn templated(&self, template: &Template<'_>) -> Result<Found, PackageError> {
        let id = self.attribute("id").unwrap_or_default();
        let bandwidth = self.attribute("bandwidth").unwrap_or_default();
        let name = |pattern: &str, number: u64, time: u64| {
            filled(pattern, &|what| match what {
                "RepresentationID" => Some(Filling::Text(id)),
                "Bandwidth" => Some(Filling::Text(bandwidth)),
                "Number" => Some(Filling::Number(number)),
                "Time" => Some(Filling::Number(time)),
                "" => Some(Filling::Text("$")),
                _ => None,
            })
            .ok_or_else(|| self.place.odd(format!("'{pattern:.100}' is no pattern of names")))
        };
        let init = template.attribute("initialization");
        let init = init.map(|i| self.file(&name(i, 0, 0)?)).transpose()?;
        let media =
            template.attribute("media").ok_or_else(|| self.place.odd("it names no segment"))?;
        let first = template.number("startNumber").unwrap_or(1);
        let mut segments = Vec::new();
        for (number, time) in (first..).zip(self.times(template, None)?) {
            let path = self.file(&name(media, number, time.ticks)?)?;
            segments.push(Segment { path, start: time.start, seconds: time.seconds });
        }
        Ok((init, segments))
    }

    /// When segments are: as a timeline has it, or so many of one length.
    fn times(&self, of: &Template<'_>, count: Option<usize>) -> Result<Vec<Time>, PackageError> {
        let timescale = of.number("timescale").unwrap_or(1).max(1) as f64;
        let origin = of.number("presentationTimeOffset").unwrap_or(0);
        let begun = self.begun;
        let time = |ticks: u64, length: u64| Time {
            ticks,
            start: begun + ticks.saturating_sub(origin) as f64 / timescale,
            seconds: length as f64 / timescale,
        };
        let mut out = Vec::new();
        if let Some(line) = of.0.iter().find_map(|e| e.first("SegmentTimeline")) {
            let mut at = 0_u64;
            let all = self.length.map_or(0.0, |l| l * timescale).round() as u64;
            let end = origin.saturating_add(all);
            let number = |step: &Element, name: &str| step.attribute(name)?.parse::<i64>().ok();
            let mut steps = line.all("S").peekable();
            while let Some(step) = steps.next() {
                at = number(step, "t").map_or(at, i64::unsigned_abs);
                let length = number(step, "d").map_or(0, i64::unsigned_abs);
                let again = match number(step, "r").unwrap_or(0) {
                    // To where the next one begins, or to the end of the period.
                    ..0 => {
                        let next = steps.peek().and_then(|next| number(next, "t"));
                        let end = next.map_or(end, i64::unsigned_abs);
                        end.saturating_sub(at).div_ceil(length.max(1)).saturating_sub(1)
                    }
                    again => again.unsigned_abs(),
                };
                if again >= (SEGMENTS - out.len()) as u64 {
                    return Err(self.too_many());
                }
                for _ in 0..=again {
                    out.push(time(at, length));
                    at = at.saturating_add(length);
                }
            }
            return Ok(out);
        }
        let length = of.number("duration").unwrap_or(0);
        let count = match (count, self.length) {
            (Some(count), _) => count,
            (None, Some(all)) if length > 0 => {
                ((all * timescale / length as f64) - 1e-6).ceil().max(0.0) as usize
            }
            _ => return Err(self.place.odd("it does not say how many segments there are")),
        };
        if count > SEGMENTS {
            return Err(self.too_many());
        }
        Ok((0..count as u64).map(|n| time(origin + n.saturating_mul(length), length)).collect())
    }

    fn too_many(&self) -> PackageError {
        self.place.odd(format!("it has more than {SEGMENTS} segments"))
    }
}

/// An init segment and segments.
type Found = (Option<std::path::PathBuf>, Vec<Segment>);

/// When a segment is.
struct Time {
    /// As the segment itself counts.
    ticks: u64,
    start: f64,
    seconds: f64,
}

/// An element with those of its name around it, which say what it lacks.
struct Template<'a>(Vec<&'a Element>);

impl Template<'_> {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|e| e.attribute(name))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.attribute(name)?.parse().ok()
    }
}

/// Bytes of a name at most.
const LONGEST: usize = 4096;

/// What stands in a pattern for a name between dollars.
enum Filling<'a> {
    Text(&'a str),
    Number(u64),
}

/// A pattern of names, filled; `None` where it names what there is not.
fn filled<'a>(pattern: &str, fill: &impl Fn(&str) -> Option<Filling<'a>>) -> Option<String> {
    let mut out = String::new();
    for (i, part) in pattern.split('$').enumerate() {
        if i % 2 == 0 {
            out += part;
            continue;
        }
        let (what, width) = match part.split_once("%0") {
            Some((what, width)) => (what, width.strip_suffix('d')?.parse::<usize>().ok()?),
            None => (part, 0),
        };
        match fill(what)? {
            Filling::Text(text) => out += text,
            Filling::Number(number) => out += &format!("{number:0width$}", width = width.min(32)),
        }
        (out.len() <= LONGEST).then_some(())?;
    }
    Some(out)
}

/// Seconds of a duration such as `PT1H2M3.5S` (ISO 8601).
fn duration(text: &str) -> Option<f64> {
    let (days, time) = text.strip_prefix('P')?.split_once('T').unwrap_or((&text[1..], ""));
    let sum = |part: &str, units: &[(char, f64)]| {
        let (mut number, mut all) = (String::new(), 0.0);
        for c in part.chars() {
            match units.iter().find(|(unit, _)| *unit == c) {
                Some((_, seconds)) => {
                    all += std::mem::take(&mut number).parse::<f64>().ok()? * seconds;
                }
                None => number.push(c),
            }
        }
        number.is_empty().then_some(all)
    };
    let all =
        sum(days, &[('D', 86_400.0)])? + sum(time, &[('H', 3_600.0), ('M', 60.0), ('S', 1.0)])?;
    (0.0..1e9).contains(&all).then_some(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should say so at once")]
mod tests {
    use std::path::Path;

    use super::*;

    fn followed(mpd: &str) -> Result<Vec<Rendition>, String> {
        follow(&Place::of(Path::new("/p/a.mpd")), mpd.as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn templates_are_filled_and_inherited() {
        let all = followed(
            r#"<?xml version="1.0"?><MPD mediaPresentationDuration="PT5S"><BaseURL>m/</BaseURL>
            <Period><AdaptationSet mimeType="video/mp4">
            <SegmentTemplate timescale="10" duration="20" startNumber="7"
              media="$RepresentationID$-$Number%03d$.m4s" initialization="$RepresentationID$.mp4"/>
            <Representation id="a" bandwidth="9"/><Representation id="b" bandwidth="5">
            <SegmentTemplate media="b$$/$Time$.m4s"><SegmentTimeline><S t="0" d="20" r="1"/>
              <S d="10"/></SegmentTimeline></SegmentTemplate></Representation></AdaptationSet>
            <AdaptationSet contentType="text"><Representation id="t"/></AdaptationSet></Period>
            </MPD>"#,
        )
        .unwrap();
        let names = |r: &Rendition| -> Vec<String> {
            r.segments.iter().map(|s| format!("{} {}", s.path.display(), s.start)).collect()
        };
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].init.as_deref(), Some(Path::new("/p/m/a.mp4")));
        assert_eq!(names(&all[0]), ["/p/m/a-007.m4s 0", "/p/m/a-008.m4s 2", "/p/m/a-009.m4s 4"]);
        assert_eq!(names(&all[1]), ["/p/m/b$/0.m4s 0", "/p/m/b$/20.m4s 2", "/p/m/b$/40.m4s 4"]);
        assert_eq!(all[1].init.as_deref(), Some(Path::new("/p/m/b.mp4")));
    }

    #[test]
    fn a_timeline_goes_on_to_its_next_step_or_to_the_end() {
        let times = |steps: &str| -> Vec<f32> {
            let all = followed(&format!(
                r#"<MPD mediaPresentationDuration="PT5S"><Period><AdaptationSet>
                <Representation id="a"><SegmentTemplate timescale="10" media="$Time$.m4s"
                  presentationTimeOffset="100"><SegmentTimeline>{steps}</SegmentTimeline>
                </SegmentTemplate></Representation></AdaptationSet></Period></MPD>"#
            ))
            .unwrap();
            all[0].segments.iter().map(|s| s.start as f32).collect()
        };
        assert_eq!(times(r#"<S t="100" d="20" r="-1"/>"#), [0.0, 2.0, 4.0]);
        assert_eq!(
            times(r#"<S t="100" d="10" r="-1"/><S t="120" d="15" r="-1"/>"#),
            [0.0, 1.0, 2.0, 3.5]
        );
    }

    #[test]
    fn what_leads_nowhere_is_said() {
        let says = |mpd: &str, what: &str| {
            let e = followed(mpd).unwrap_err();
            assert!(e.contains(what), "{e}");
        };
        let within = |s: &str| {
            let inside =
                format!("<AdaptationSet><Representation>{s}</Representation></AdaptationSet>");
            format!("<MPD><Period>{inside}</Period></MPD>")
        };
        let timed = |s: &str| {
            let end = "</SegmentTimeline></SegmentTemplate>";
            within(&format!(r#"<SegmentTemplate media="{s}"/>{end}"#))
        };
        says("<MPD>", "no MPD that can be read");
        says("<smil/>", "no MPD that can be read");
        says("<MPD/>", "names no segment");
        says(&within(""), "stretches of 'its files'");
        says(&within("<BaseURL>a.mp4</BaseURL><SegmentBase/>"), "stretches of 'a.mp4'");
        says(&within(r#"<SegmentTemplate media="$X$" duration="1"/>"#), "how many segments");
        let many = r#"a"><SegmentTimeline><S d="1" r="999999999"#;
        says(&timed(many), "more than 100000 segments");
        says(&timed(r#"https://x/a"><SegmentTimeline><S d="1"#), "nothing is fetched");
        says(&within("<ContentProtection/>"), "encrypted");
        says(&"<MPD>".repeat(1000), "no MPD that can be read");
    }

    #[test]
    fn what_a_player_may_read_otherwise_is_refused() {
        let whole = |set: &str, form: &str| {
            format!(
                "<MPD mediaPresentationDuration=\"PT2S\"><Period><AdaptationSet {set}\
                <Representation id=\"a\">{form}</Representation></AdaptationSet></Period></MPD>"
            )
        };
        let template = r#"<SegmentTemplate duration="1" media="$Number$.m4s"/>"#;
        let list = r#"<SegmentList duration="1"><SegmentURL media="x"/></SegmentList>"#;
        let paths = |mpd: &str| -> Vec<String> {
            let all = followed(mpd).unwrap();
            all[0].segments.iter().map(|s| s.path.display().to_string()).collect()
        };
        // The nearest element, and no other vocabulary.
        assert_eq!(paths(&whole(&format!(">{template}"), list)), ["/p/x"]);
        let other = template.replace("media", "x:media=\"bad\" media");
        assert_eq!(paths(&whole(">", &other)), ["/p/1.m4s", "/p/2.m4s"]);
        // Addresses as they are resolved and written.
        let base = |text: &str| format!("<BaseURL>{text}</BaseURL>{template}");
        assert_eq!(paths(&whole(">", &base("a/x")))[0], "/p/a/1.m4s");
        assert_eq!(paths(&whole(">", &base("<![CDATA[b/]]>")))[0], "/p/b/1.m4s");
        assert_eq!(paths(&whole(">", &base("&#99;/")))[0], "/p/c/1.m4s");
        // What is called neither picture nor text is followed, and what is too much is not.
        assert_eq!(paths(&whole("contentType=\"image\">", template)).len(), 2);
        let long = template.replace("$Number$", &"$RepresentationID$".repeat(5000));
        for (set, form, what) in [
            (">", format!("{template}{list}"), "says twice"),
            (
                ">",
                format!("<BaseURL>a/</BaseURL><BaseURL>b/</BaseURL>{template}"),
                "second BaseURL",
            ),
            ("xlink:href=\"b\">", template.to_string(), "xlink:href"),
            (">", base("&e;"), "no MPD"),
            (">", long, "no pattern of names"),
        ] {
            let e = followed(&whole(set, &form)).unwrap_err();
            assert!(e.contains(what) && !e.contains('\n'), "{e}");
        }
        assert!(followed("<!DOCTYPE MPD [<!ENTITY e \"x\">]><MPD/>").is_err());
    }

    #[test]
    fn durations() {
        assert_eq!(duration("PT1H2M3.5S"), Some(3723.5));
        assert_eq!(duration("P1DT1S"), Some(86_401.0));
        for bad in ["", "P", "1S", "PT1", "PTXS", "PT-1S"] {
            assert_eq!(duration(bad).filter(|d| *d > 0.0), None, "{bad}");
        }
    }
}
