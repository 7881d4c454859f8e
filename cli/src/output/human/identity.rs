//! A signing identity, as it is told to people.

use std::path::Path;

use anyhow::Result;
use proofmark::provenance::IdentityReport;

use super::{date, line, print};
use crate::output::{BAD, GOOD, name};

pub(crate) fn identity(file: &Path, told: &IdentityReport) -> Result<()> {
    let (style, word) = match (told.is_good(), told.remarks.is_empty()) {
        (true, true) => (GOOD, "good"),
        (true, false) => (GOOD, "good, with remarks"),
        (false, _) => (BAD, "not good"),
    };
    let mut out = format!("{style}{word}{style:#}: {}\n", name(file));
    line(&mut out, "subject", &told.subject);
    line(&mut out, "issuer", &told.issuer);
    let days = |seconds: i64| date(u64::try_from(seconds).unwrap_or_default());
    let left = if told.days_left < 0 {
        format!("ended {} days ago", -told.days_left)
    } else {
        format!("{} days left", told.days_left)
    };
    let valid = format!("{} to {}, {left}", days(told.valid_from), days(told.valid_until));
    line(&mut out, "valid", &valid);
    let usages = if told.usages.is_empty() {
        "nothing in particular".into()
    } else {
        told.usages.join(", ")
    };
    line(&mut out, "good for", &usages);
    let signs = match told.milliseconds {
        Some(taken) => format!("by {}, in {taken:.1} ms, as its certificate says", told.algorithm),
        None => format!("not by {}, as its certificate says it should", told.algorithm),
    };
    line(&mut out, "signs", &signs);
    let trust = match told.trusted {
        Some(true) => "a trust list names who vouches for it",
        Some(false) => "no trust list names who vouches for it",
        None => "not asked",
    };
    line(&mut out, "trust", trust);
    line(&mut out, "time", told.time_stamp_url.as_deref().unwrap_or("no time-stamp authority"));
    for problem in &told.problems {
        line(&mut out, "wrong", problem);
    }
    for remark in &told.remarks {
        line(&mut out, "note", remark);
    }
    print(&out)
}
