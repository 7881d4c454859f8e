//! Every case that a verdict tells apart, made up.

use serde_json::{Value, json};

use std::collections::BTreeSet;

use super::*;
use crate::fingerprint::{AudioResemblance, Resemblance};
use crate::payload::Payload;
use crate::provenance::DEFAULT_ALGORITHM;
use crate::registry::Entry;

pub(super) const P: &str = "7f3c1a52-9b64-4d0e-8a31-5e6f70819203";
pub(super) const Q: &str = "11111111-9b64-4d0e-8a31-5e6f70819203";

/// One case; each field counts what it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// none, unreadable, valid, trusted, expired, changed content
    pub(super) manifest: usize,
    /// names nobody, P, Q
    pub(super) names: usize,
    /// ours, a stranger's
    pub(super) whose: usize,
    /// no picture, no mark, P, Q, too weak to read, P over Q
    pub(super) video: usize,
    /// no sound, no mark, P, Q
    pub(super) audio: usize,
    /// everywhere, missing for some of the time, missing from half of the frame; and, not among all
    /// cases, everywhere without its aperiodic part
    pub(super) extent: usize,
    /// not asked, does not know the number, knows it
    pub(super) registry: usize,
    /// same, different, cannot be told
    pub(super) looks: usize,
    /// same, different, cannot be told
    pub(super) sounds: usize,
}

/// All of them, in the order in which they were written down.
pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    let sizes = [6, 3, 2, 6, 4, 3, 3, 3, 3];
    for i in 0..sizes.iter().product::<usize>() {
        let mut rest = i;
        let mut next = |of: usize| {
            let now = rest % of;
            rest /= of;
            now
        };
        let [manifest, names, whose, video, audio, extent, registry, looks, sounds] =
            sizes.map(&mut next);
        let readable = manifest >= 2;
        let known = registry == 2;
        // What makes no difference is written down once.
        let idle = (!readable && (names > 0 || whose > 0))
            || (names == 0 && whose > 0)
            || (!matches!(video, 2 | 3 | 5) && extent > 0)
            || (!known && (looks > 0 || sounds > 0))
            || (video == 0 && looks > 0)
            || (audio == 0 && sounds > 0)
            || (video == 0 && audio == 0 && !readable);
        if !idle {
            out.push(Case {
                manifest,
                names,
                whose,
                video,
                audio,
                extent,
                registry,
                looks,
                sounds,
            });
        }
    }
    out
}

fn payload(which: usize) -> Option<&'static str> {
    [None, Some(P), Some(Q)][which]
}

impl Case {
    pub(super) fn report(&self) -> Option<ManifestReport> {
        let (state, failures, holds) = match self.manifest {
            0 => return None,
            1 => ("invalid", json!(["unreadable: damaged"]), Value::Null),
            2 => ("valid", json!(["signingCredential.untrusted"]), json!(true)),
            3 => ("trusted", json!([]), json!(true)),
            4 => (
                "invalid",
                json!(["signingCredential.expired", "signingCredential.untrusted"]),
                json!(true),
            ),
            _ => (
                "invalid",
                json!(["assertion.bmffHash.mismatch", "signingCredential.untrusted"]),
                json!(false),
            ),
        };
        let readable = self.manifest > 1;
        let named = payload(self.names);
        let bindings: Vec<Value> = named
            .iter()
            .map(|p| json!({"alg": DEFAULT_ALGORITHM, "value": p, "bytes": bytes(p)}))
            .collect();
        let signer = if self.whose == 0 { "Us" } else { "Somebody" };
        let label = named.map_or("urn:c2pa:other".into(), |p| format!("urn:c2pa:{p}"));
        let signer = json!({
            "organisation": signer, "common_name": null, "time": null,
            "trusted": state == "trusted", "valid_from": 0, "valid_until": 86400,
            "certificate": if self.whose == 0 && self.names > 0 { "ours" } else { "theirs" },
        });
        serde_json::from_value(json!({
            "state": state, "label": readable.then_some(label), "sidecar": false, "title": null,
            "claim_generator": null, "signer": readable.then_some(signer), "actions": [],
            "ingredients": [], "ancestors": [], "lineage": [], "soft_bindings": bindings,
            "content_holds": holds, "failures": failures,
        }))
        .unwrap()
    }

    fn evidence(&self, which: usize) -> Value {
        let number = match which {
            2 | 5 => Some(P),
            3 => Some(Q),
            _ => None,
        };
        let found = which >= 2;
        let ranges = match (found, self.extent) {
            (false, _) => json!([]),
            (true, 1) => json!([{"start": 0.0, "end": 2.0}]),
            (true, _) => json!([{"start": 0.0, "end": 10.0}]),
        };
        let span = |i: usize| {
            let (start, end) = (i as f64 / 2.0, (i + 1) as f64 / 2.0);
            json!({"start": start, "end": end, "score": 20.0, "state": "marked"})
        };
        let parts = (self.extent == 3)
            .then(|| json!({"periodic": 1200.0, "aperiodic": 8.0, "copied": 1e-20}));
        json!({
            "detected": found, "payload": number, "generation": null, "parts": parts,
            "p_value": if found { 1e-200 } else { 1.0 }, "method": number.map(|_| "blind"),
            "key": null, "ranges": ranges,
            "spans": if found { (0..20).map(span).collect::<Vec<Value>>() } else { Vec::new() },
            "evidence": if found { 5000.0 } else { 0.0 }, "note": null, "others": [],
        })
    }

    pub(super) fn detected(&self) -> Option<Detected> {
        let mut picture = self.evidence(self.video);
        picture["frames"] = json!(100);
        picture["earlier"] = json!([]);
        picture["area"] = match (self.video >= 2, self.extent) {
            (true, 2) => json!({"share": 0.5, "columns": 2, "cells": [true, false]}),
            (true, _) => json!({"share": 1.0, "columns": 1, "cells": [true]}),
            _ => Value::Null,
        };
        picture["geometry"] = if self.video >= 2 {
            json!({
                "scale": [1.0, 1.0], "rotation": 0.0, "mirrored": false, "inverted": false,
                "moving": false,
            })
        } else {
            Value::Null
        };
        if self.video == 5 {
            let mut beneath = Case { video: 3, ..*self }.evidence(3);
            for (name, value) in [
                ("frames", json!(100)),
                ("earlier", json!([])),
                ("area", picture["area"].clone()),
                ("geometry", picture["geometry"].clone()),
            ] {
                beneath[name] = value;
            }
            picture["earlier"] = json!([beneath]);
        }
        let mut sound = Case { extent: 0, ..*self }.evidence(self.audio);
        sound["seconds"] = json!(10.0);
        sound["geometry"] = if self.audio >= 2 {
            json!({"speed": 1.0, "pitch": 1.0, "backwards": false})
        } else {
            Value::Null
        };
        let seen = json!({"width": 640, "height": 360, "frame_rate": 25.0, "codec": "h264"});
        let detected = json!({
            "info": {
                "seconds": 10.0, "picture": (self.video > 0).then_some(seen),
                "has_audio": self.audio > 0,
            },
            "picture": if self.video > 0 { picture } else { Value::Null },
            "sound": if self.audio > 0 { sound } else { Value::Null },
            "sketch": null, "recording": null,
        });
        (self.video + self.audio > 0).then(|| serde_json::from_value(detected).unwrap())
    }

    /// What the registry remembers: of each number that is told or named, if it knows them.
    pub(super) fn registered(&self) -> Vec<Registered> {
        let named = payload(self.names).filter(|_| self.manifest >= 2);
        let mut told: Vec<Payload> = self.detected().map(|d| d.payloads()).unwrap_or_default();
        let named: Option<Payload> = named.map(|n| n.parse().unwrap());
        told.extend(named.filter(|n| !told.contains(n)));
        told.into_iter().filter(|_| self.registry == 2).map(|p| self.entry(p)).collect()
    }

    fn entry(&self, payload: Payload) -> Registered {
        let name = payload.to_string();
        let manifest =
            Case { manifest: 2, names: if name == P { 1 } else { 2 }, whose: 0, ..*self }.report();
        let apart = [(10.0, 10.0), (100.0, 95.0), (77.0, 50.0)][self.looks];
        let resemblance = Resemblance::example(apart.0, apart.1);
        let sounds = [(0.1, 0.1), (0.5, 0.45), (0.3, 0.2)][self.sounds];
        let sound_resemblance = AudioResemblance::example(sounds.0, sounds.1);
        Registered {
            id: Entry::id_of(payload),
            payload: Some(payload),
            title: Some("A clip".into()),
            stamped: 0,
            media_type: "video/mp4".into(),
            content: crate::registry::Content::of_bytes(b""),
            labels: std::collections::BTreeSet::new(),
            manifest,
            resemblance: (self.video > 0).then_some(resemblance),
            difference: None,
            inset: false,
            unmatched: Vec::new(),
            known: Vec::new(),
            sound_resemblance: (self.audio > 0).then_some(sound_resemblance),
            stills: None,
            picture: None,
            sound: None,
        }
    }
}

fn bytes(payload: &str) -> Vec<u8> {
    payload.as_bytes().to_vec()
}

impl Case {
    /// What is said of it.
    pub(super) fn judge(&self) -> Judgement {
        self.judge_beside(&self.registered())
    }

    /// The same where the registry remembers these.
    pub(super) fn judge_beside(&self, registered: &[Registered]) -> Judgement {
        let (report, detected) = (self.report(), self.detected());
        let own = BTreeSet::from(["ours".to_string()]);
        let found = Findings {
            manifest: report.as_ref(),
            segments: None,
            elsewhere: None,
            unfetched: None,
            declarations: &[],
            detected: detected.as_ref(),
            unseen: detected.is_none().then_some(Unseen::Undecodable),
            registered,
            similar: &[],
            asked: self.registry > 0,
            own: &own,
        };
        judge(found, DEFAULT_ALGORITHM)
    }

    /// What it is, in words.
    pub(super) fn describe(&self) -> String {
        let mut words = Vec::new();
        if self.manifest > 0 {
            let whose =
                if self.names == 0 { "somebody's" } else { ["our", "a stranger's"][self.whose] };
            let state =
                ["", "unreadable", "valid", "trusted", "expired", "content-changed"][self.manifest];
            let names = ["", " naming P", " naming Q"][self.names];
            words.push(if self.manifest == 1 {
                "an unreadable manifest".into()
            } else {
                format!("{whose} {state} manifest{names}")
            });
        }
        words.push(
            [
                "no picture",
                "no mark in the picture",
                "P in the picture",
                "Q in the picture",
                "an unreadable mark in the picture",
                "P over Q in the picture",
            ][self.video]
                .into(),
        );
        words.push(
            ["no sound", "no mark in the sound", "P in the sound", "Q in the sound"][self.audio]
                .into(),
        );
        words.extend((self.extent > 0).then(|| {
            ["", "for some of the time", "in half of the frame"][self.extent].to_string()
        }));
        words.push(["no registry", "not registered", "registered"][self.registry].into());
        if self.registry == 2 {
            let like = ["like it", "unlike it", "perhaps like it"];
            words.extend((self.video > 0).then(|| format!("looks {}", like[self.looks])));
            words.extend((self.audio > 0).then(|| format!("sounds {}", like[self.sounds])));
        }
        words.join("; ")
    }
}

#[test]
fn the_periodic_part_alone_is_told_unless_the_picture_is_the_registered_one() {
    let copied = Case {
        manifest: 0,
        names: 0,
        whose: 0,
        video: 2,
        audio: 0,
        extent: 3,
        registry: 0,
        looks: 0,
        sounds: 0,
    };
    let judged = copied.judge();
    assert_eq!((judged.verdict, judged.severity), (Verdict::Marked, Severity::Doubt));
    assert!(judged.has("video.mark-copied"), "{judged:?}");
    let told = |case: Case| case.judge().has("video.mark-copied");
    assert!(!told(Case { extent: 0, ..copied }));
    let untold = Case { registry: 2, looks: 2, ..copied };
    assert!(!told(Case { registry: 2, ..copied }) && told(untold));
    assert_eq!(untold.judge().verdict, Verdict::Marked, "nobody's manifest is lent to a copy");
    assert!(!told(Case { manifest: 2, names: 1, ..copied }), "a manifest that holds says more");
}
