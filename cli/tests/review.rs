//! What moderators do on the page, past any script: logging in, deciding, searching, and taking a
//! statement away.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use ureq::Agent;

use common::server::{Answer, Server};
use common::{Desk, code, json as lines, text};

/// A browser without a script: it keeps cookies, and follows nobody.
struct Browser<'a> {
    server: &'a Server,
    agent: Agent,
    language: &'static str,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    fn new(server: &'a Server, language: &'static str) -> Self {
        let agent =
            Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
        Self { server, agent, language, cookies: RefCell::default() }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let cookies = self
            .cookies
            .borrow()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ");
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(self.server.at(path))
            .header("accept-language", self.language)
            .header("cookie", cookies);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = if method == "GET" {
            self.agent.run(request.body(()).unwrap())
        } else {
            self.agent.run(request.body(body).unwrap())
        };
        let answer = Answer::of(answer.unwrap());
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.borrow_mut().insert(name.into(), value.into());
        }
        answer
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[("accept", "text/html")], &[])
    }

    /// Sends a form, as a browser does that a page of `site` asked to.
    fn send_from(&self, site: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let plain = |b: u8| {
            if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }
        };
        let form = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", value.bytes().map(plain).collect::<String>()))
            .collect::<Vec<_>>()
            .join("&");
        let headers = [
            ("accept", "text/html"),
            ("sec-fetch-site", site),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.ask("POST", path, &headers, form.as_bytes())
    }

    fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send_from("same-origin", path, fields)
    }

    fn log_in(&self, token: &str) {
        let answer = self.send("/login", &[("token", token)]);
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some("/")),
            "{}",
            text(&answer.body)
        );
        let cookie = answer.header("set-cookie").unwrap();
        assert!(
            cookie.contains("HttpOnly")
                && cookie.contains("SameSite=Lax")
                && !cookie.contains(token),
            "{cookie}"
        );
    }

    /// Sends a file and waits for its report, whose address it gives.
    fn upload(&self, name: &str, bytes: &[u8]) -> String {
        let at = self.begin(name, bytes);
        let begun = Instant::now();
        while self.get(&format!("{at}/progress")).json()["done"] != true {
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(50));
        }
        at
    }

    fn begin(&self, name: &str, bytes: &[u8]) -> String {
        let head = format!(
            "--x\r\ncontent-disposition: form-data; name=\"clip\"; filename=\"{name}\"\r\n\r\n"
        );
        let body = [head.as_bytes(), bytes, b"\r\n--x--\r\n"].concat();
        let headers =
            [("accept", "application/json"), ("content-type", "multipart/form-data; boundary=x")];
        self.ask("POST", "/reports", &headers, &body).json()["at"].as_str().unwrap().to_string()
    }
}

/// A desk with a stamped clip, and a re-encoded copy of it.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    assert_eq!(
        code(&desk.run(&[
            "stamp",
            "clip.mp4",
            "-o",
            "stamped.mp4",
            "--title",
            "A rabbit",
            "--label",
            "spring"
        ])),
        0
    );
    desk.ffmpeg("-i stamped.mp4 -map_metadata -1 -crf 26 upload.mp4");
    desk
}

fn token(desk: &Desk, name: &str, scopes: &[&str]) -> String {
    let arguments = ["tokens", "add", name, "--quiet"]
        .into_iter()
        .chain(scopes.iter().flat_map(|s| ["--scope", s]));
    text(&desk.run(&arguments.collect::<Vec<_>>()).stdout).trim().to_string()
}

fn says(answer: &Answer, parts: &[&str]) {
    let page = text(&answer.body);
    for part in parts {
        assert!(page.contains(part), "'{part}' is missing in: {page}");
    }
}

/// The report has pictures of both, moment by moment.
fn check_pictures(browser: &Browser<'_>, at: &str) {
    for still in [format!("{at}/stills/0"), format!("{at}/registered/0/stills/0")] {
        let jpeg = browser.get(&still);
        assert_eq!(
            (jpeg.status, jpeg.header("content-type"), &jpeg.body[..2]),
            (200, Some("image/jpeg"), &[0xff, 0xd8][..]),
            "{still}"
        );
    }
    assert_eq!(browser.get(&format!("{at}/registered/1/stills/0")).status, 404);
}

/// A clip is found again by what it is called, by its number, and by what was said.
fn check_search(desk: &Desk, browser: &Browser<'_>, report: &Value, case: &str) {
    for (words, part) in [
        ("rabbit", "A rabbit"),
        ("spring", "A rabbit"),
        (report["video"]["payload"].as_str().unwrap(), "A rabbit"),
        ("face", "/cases/"),
        (case.strip_prefix("/cases/").unwrap(), "agree"),
    ] {
        says(&browser.get(&format!("/search?words={}", words.replace(' ', "+"))), &[part]);
    }
    says(&browser.get("/search?words=nowhere"), &["Nothing is known under these words"]);
    says(&browser.get("/search"), &["What was decided last", "agree"]);
    let log = text(&desk.run(&["registry", "log", "--json"]).stdout);
    assert!(
        ["\"ann\"", "\"ben\"", "\"decision\"", "\"review\""].iter().all(|part| log.contains(part)),
        "{log}"
    );
}

/// The statement says all of it, and carries the certificate that it can be checked with.
fn check_statement(browser: &Browser<'_>, at: &str, report: &Value) {
    let statement = browser.get(&format!("{at}/statement"));
    assert_eq!(
        (statement.status, statement.header("content-type")),
        (200, Some("application/jose"))
    );
    let signed = text(&statement.body);
    let [head, body, _]: [&str; 3] = signed.split('.').collect::<Vec<_>>().try_into().unwrap();
    let decoded = |part: &str| {
        serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let (head, body) = (decoded(head), decoded(body));
    assert_eq!(
        (&head["alg"], &head["typ"], head["x5c"].as_array().unwrap().is_empty()),
        (&json!("ES256"), &json!("proofmark-statement+json"), false)
    );
    assert_eq!(
        (&body["schema"], &body["report"], &body["link"]),
        (&json!("proofmark.statement/1"), report, &json!(at))
    );
    assert_eq!(body["case"].as_array().unwrap().len(), 4);
    assert!(
        !body["pictures"].as_array().unwrap().is_empty()
            && !body["registered_pictures"].as_array().unwrap().is_empty()
    );
}

#[test]
fn two_people_decide_by_name_and_a_third_takes_a_statement_away() {
    let desk = desk();
    let [ann, ben, reader] = [
        ("ann", &["fetch:manifests", "review:clips"][..]),
        ("ben", &["review:clips", "fetch:manifests"]),
        ("carl", &["fetch:manifests"]),
    ]
    .map(|(n, s)| token(&desk, n, s));
    let server = Server::start(&desk, "rate = 0", &["--require-token"]);
    let [first, second, third] = ["en", "en", "en"].map(|l| Browser::new(&server, l));
    let wrong = first.send("/login", &[("token", "pm_guess")]);
    assert_eq!(wrong.status, 403);
    says(&wrong, &["not known here", "role=\"alert\""]);
    first.log_in(&ann);
    let at = first.upload("upload.mp4", &std::fs::read(desk.path("upload.mp4")).unwrap());
    let page = first.get(&at);
    says(
        &page,
        &[
            "Recovered",
            "Nothing was written about this clip yet",
            "Logged in as ann",
            "This clip beside the registered one",
        ],
    );
    check_pictures(&first, &at);
    let report = first.get(&format!("{at}/report.json")).json();
    let case = format!("/cases/{}", report["check"]["sha256"].as_str().unwrap());
    let id = at.strip_prefix("/reports/").unwrap();
    let write = |who: &Browser<'_>, act: &str, said: &str| {
        who.send(&case, &[("act", act), ("said", said), ("report", id)])
    };
    let kept = write(&first, "note", "The face <b>differs</b> at 0:02.");
    assert_eq!((kept.status, kept.header("location").unwrap()), (303, &*format!("{at}#case")));
    assert_eq!(write(&first, "decision", "tell").status, 303);
    assert_eq!(write(&first, "label", "face").status, 303);
    says(&write(&first, "review", "agree"), &["Who decided cannot review that"]);
    says(&write(&first, "decision", "burn it"), &["It is no decision"]);
    second.log_in(&ben);
    assert_eq!(write(&second, "review", "agree").status, 303);
    says(
        &second.get(&at),
        &["The face &lt;b&gt;differs&lt;/b&gt;", "tell viewers", "ann, 20", "ben, 20", "agree"],
    );
    says(&second.get(&case), &["tell viewers", "ben, 20"]);
    // Who may look may not write.
    third.log_in(&reader);
    says(&third.get(&at), &["Your token does not allow writing"]);
    assert_eq!((write(&third, "note", "x").status, third.get("/search").status), (403, 403));
    assert!(!text(&third.get(&at).body).contains("at 0:02."));

    check_search(&desk, &second, &report, &case);
    check_statement(&second, &at, &report);
    // It is not for whoever may only look: without the case it would say that nothing was decided.
    assert_eq!(third.get(&format!("{at}/statement")).status, 403);
    assert!(!text(&third.get(&at).body).contains("/statement"));

    // A token that is revoked ends at once, and so does who logs out.
    assert_eq!(code(&desk.run(&["tokens", "revoke", "carl"])), 0);
    assert_eq!(third.get(&at).header("location"), Some("/login"));
    assert_eq!(
        (second.send("/logout", &[]).status, second.get(&at).header("location")),
        (303, Some("/login"))
    );
}

#[test]
fn other_sites_send_nothing_in_a_readers_name() {
    let desk = desk();
    let token = token(&desk, "ann", &["fetch:manifests", "review:clips"]);
    let server = Server::start(&desk, "rate = 0", &[]);
    let browser = Browser::new(&server, "en");
    browser.log_in(&token);
    let case = format!("/cases/{}", "0".repeat(64));
    for site in ["cross-site", "same-site"] {
        let told = browser.send_from(site, &case, &[("act", "note"), ("said", "planted")]);
        assert_eq!(told.status, 403, "{site}");
        says(&told, &["came from a page of another site"]);
        assert_eq!(browser.send_from(site, "/logout", &[]).status, 403);
        assert_eq!(
            browser
                .send_from(site, "/reports/by-address", &[("address", "https://example.com/a.mp4")])
                .status,
            403
        );
    }
    assert!(!text(&browser.get(&case).body).contains("planted"));
    // Browsers that say no more than where the page is, as they do over plain HTTP.
    let headers =
        [("origin", "http://evil.example"), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(browser.ask("POST", &case, &headers, b"act=note&said=planted").status, 403);
    // Without a name nobody writes, and nothing is said to nobody.
    let stranger = Browser::new(&server, "en");
    assert_eq!(
        stranger.send(&case, &[("act", "note"), ("said", "x")]).header("location"),
        Some("/login")
    );
    assert_eq!(
        (stranger.get(&case).header("location"), stranger.get("/search").header("location")),
        (Some("/login"), Some("/login"))
    );
    for (path, status) in [
        ("/cases/xyz", 400),
        ("/reports/x/statement", 404),
        ("/cases/+f+f", 400),
        ("/registered/none/stills/0", 404),
    ] {
        assert_eq!(browser.get(path).status, status, "{path}");
    }
}

#[test]
fn a_form_that_is_none_is_refused_as_a_page() {
    let desk = desk();
    let server = Server::start(&desk, "rate = 0", &[]);
    let browser = Browser::new(&server, "en");
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (headers, body, status) in [
        (vec![("content-type", "application/json")], "{}".to_string(), 400),
        (vec![form], "tok=x".into(), 400),
        (vec![form], format!("token={}", "x".repeat(100_000)), 413),
    ] {
        let told = browser.ask("POST", "/login", &headers, body.as_bytes());
        assert_eq!(told.status, status, "{}", text(&told.body));
        assert!(
            told.header("content-type").is_some_and(|t| t.starts_with("text/html")),
            "{:?}",
            told.headers
        );
    }
}

#[test]
fn the_page_speaks_the_readers_language() {
    let desk = desk();
    let server = Server::start(&desk, "rate = 0", &[]);
    let (english, japanese) =
        (Browser::new(&server, "en-GB,en;q=0.9"), Browser::new(&server, "ja,en;q=0.8"));
    says(&english.get("/"), &["<html lang=\"en\">", "Verify a clip", "日本語"]);
    says(&japanese.get("/"), &["<html lang=\"ja\">", "映像を確認する", "English"]);
    let at = japanese.upload("upload.mp4", &std::fs::read(desk.path("upload.mp4")).unwrap());
    says(&japanese.get(&at), &["復元", "登録された元の映像", "映像に当方の透かし"]);
    says(
        &english.get(&at),
        &["Recovered", "The registered original", "The picture carries our mark"],
    );
    assert!(
        japanese.get(&format!("{at}/report.json")).json()["summary"]
            .as_str()
            .unwrap()
            .contains("AI")
    );
    // One that was chosen wins, and stays.
    says(&english.get(&format!("{at}?lang=ja")), &["復元"]);
    says(&english.get("/"), &["映像を確認する"]);
    says(&english.get("/nowhere"), &["lang=\"en\""]);
}

#[test]
fn a_clip_that_is_looked_at_says_how_far_it_is_and_can_be_taken_back() {
    let desk = desk();
    // Long enough to be looked at for a while, and one after the other.
    desk.ffmpeg("-stream_loop 90 -i stamped.mp4 -c copy -map_metadata -1 long.mp4");
    let server = Server::start(&desk, "rate = 0\njobs = 1", &[]);
    let browser = Browser::new(&server, "en");
    let long = std::fs::read(desk.path("long.mp4")).unwrap();
    let [first, second, third] = ["a.mp4", "b.mp4", "c.mp4"].map(|name| browser.begin(name, &long));
    let stage = |at: &str| browser.get(&format!("{at}/progress")).json();
    let until = |at: &str, part: &str| {
        let begun = Instant::now();
        loop {
            let told = stage(at);
            if told["stage"].as_str().is_some_and(|s| s.contains(part))
                || told["glimpse"].as_str().is_some_and(|s| s.contains(part))
            {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(60) && told["done"] != true,
                "'{part}' was not said: {told}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until(&first, "Our mark is in the beginning: A rabbit");
    until(&first, "% seen");
    until(&third, "one clip is before this one");
    says(
        &browser.get(&third),
        &["http-equiv=\"refresh\"", "one clip is before this one", "Stop and delete the clip"],
    );
    // The one in between gives up its place.
    assert_eq!(browser.send(&format!("{second}/cancel"), &[]).header("location"), Some("/"));
    assert_eq!(browser.get(&second).status, 404);
    until(&third, "Waiting: next in line.");
    // So does the one that is looked at, at once.
    assert_eq!(browser.send(&format!("{first}/cancel"), &[]).status, 303);
    until(&third, "% seen");
    assert_eq!(browser.get(&first).status, 404);
    browser.send(&format!("{third}/cancel"), &[]);
    assert_eq!(browser.send(&format!("{third}/cancel"), &[]).status, 404);
    let folder = desk.path("home/serve/reports");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0, "nothing of them is kept");
}

#[test]
fn no_more_reports_are_kept_than_may_be_and_nothing_of_what_is_no_clip() {
    let desk = desk();
    let server = Server::start(&desk, "rate = 0\nreports = 3", &[]);
    let browser = Browser::new(&server, "en");
    let folder = desk.path("home/serve/reports");
    for i in 0..8 {
        let at = browser.upload(&format!("{i}.mp4"), b"this is no clip");
        let kept = folder.join(at.strip_prefix("/reports/").unwrap());
        assert!(kept.join("refused.txt").exists() && !kept.join("upload.mp4").exists());
        let told = browser.get(&format!("{at}/report.json"));
        assert!(
            told.status == 404 && text(&told.body).contains("could not be verified"),
            "{}",
            text(&told.body)
        );
    }
    // One more may be there until the next comes.
    assert!(std::fs::read_dir(folder).unwrap().count() <= 4);
}

#[test]
fn clips_are_fetched_from_named_hosts_alone() {
    let desk = desk();
    let server = Server::start(&desk, "rate = 0\nreference_hosts = [\"clips.invalid\"]", &[]);
    let browser = Browser::new(&server, "en");
    says(&browser.get("/"), &["Or the address of a clip", "From clips.invalid only."]);
    for (address, status, part) in [
        ("https://other.invalid/a.mp4", 403, "fetches nothing from other.invalid"),
        ("http://clips.invalid/a.mp4", 400, "https://"),
        ("file:///etc/passwd", 400, "https://"),
        ("https://a:b@clips.invalid/a.mp4", 400, "name or password"),
        ("https://clips.invalid/a.mp4", 502, "could not be fetched"),
    ] {
        let told = browser.send("/reports/by-address", &[("address", address)]);
        assert_eq!(told.status, status, "{address}: {}", text(&told.body));
        says(&told, &[part]);
    }
    let folder = desk.path("home/serve/reports");
    assert_eq!(
        std::fs::read_dir(folder).unwrap().count(),
        0,
        "nothing is left of what did not come"
    );
    // Where no host is named, nobody is asked for an address.
    drop(server);
    let server = Server::start(&desk, "rate = 0", &[]);
    assert!(!text(&Browser::new(&server, "en").get("/").body).contains("by-address"));
}

#[test]
fn what_was_stamped_without_stills_is_shown_without_them() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    std::fs::write(desk.path("home/config.toml"), "[registry]\nstills = false\n").unwrap();
    assert_eq!(code(&desk.run(&["stamp", "clip.mp4", "-o", "stamped.mp4"])), 0);
    desk.ffmpeg("-i stamped.mp4 -map_metadata -1 -crf 26 upload.mp4");
    assert_eq!(
        lines(&desk.run(&["verify", "upload.mp4", "--json"]))[0]["registered"][0]["stills"],
        json!([])
    );
    let server = Server::start(&desk, "rate = 0", &[]);
    let browser = Browser::new(&server, "en");
    let at = browser.upload("upload.mp4", &std::fs::read(desk.path("upload.mp4")).unwrap());
    let page = text(&browser.get(&at).body);
    assert!(page.contains("Recovered") && !page.contains("beside the registered one"));
}
