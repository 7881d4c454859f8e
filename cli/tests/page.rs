//! The moderator's page in a real browser: headless Chromium, driven over WebDriver.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use ureq::Agent;

use common::server::Server;
use common::{Desk, code, text};

/// A browser with one window.
struct Browser {
    driver: Child,
    agent: Agent,
    session: String,
}

/// What an element is called in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Browser {
    fn open(width: u32, height: u32) -> Self {
        let mut driver = Command::new("chromedriver")
            .args(["--port=0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium-driver is installed by scripts/setup.sh --tests");
        let port = BufReader::new(driver.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .find_map(|l| {
                l.rsplit_once("on port ")
                    .map(|(_, p)| p.trim_end_matches('.').to_string())
                    .filter(|p| p.parse::<u16>().is_ok_and(|p| p > 0))
            })
            .unwrap();
        let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
        let mut this = Self { driver, agent, session: format!("http://127.0.0.1:{port}/session") };
        let arguments = [
            "--headless=new".into(),
            "--no-sandbox".into(),
            "--disable-gpu".into(),
            "--disable-dev-shm-usage".into(),
            "--hide-scrollbars".into(),
            format!("--window-size={width},{height}"),
        ];
        let wanted = json!({
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let opened = this.call("", &json!({"capabilities": {"alwaysMatch": wanted}}));
        this.session = format!("{}/{}", this.session, opened["sessionId"].as_str().unwrap());
        this
    }

    fn call(&self, path: &str, body: &Value) -> Value {
        let mut answer =
            self.agent.post(format!("{}{path}", self.session)).send_json(body).unwrap();
        let value: Value = answer.body_mut().read_json().unwrap();
        assert!(answer.status().is_success(), "{path}: {value}");
        value["value"].clone()
    }

    fn get(&self, path: &str) -> Value {
        self.agent
            .get(format!("{}{path}", self.session))
            .call()
            .unwrap()
            .body_mut()
            .read_json::<Value>()
            .unwrap()["value"]
            .clone()
    }

    fn go(&self, url: &str) {
        self.call("/url", &json!({"url": url}));
    }

    fn url(&self) -> String {
        self.get("/url").as_str().unwrap().to_string()
    }

    /// What a script gives back.
    fn run(&self, script: &str) -> Value {
        self.call("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until a script gives back true.
    fn wait(&self, script: &str) {
        let start = Instant::now();
        while self.run(&format!("return {script}")) != true {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{script} at {}: {}",
                self.url(),
                self.run("return document.body.innerText")
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn element(&self, selector: &str) -> String {
        self.call("/element", &json!({"using": "css selector", "value": selector}))[ELEMENT]
            .as_str()
            .unwrap()
            .to_string()
    }

    fn keys(&self, selector: &str, keys: &str) {
        self.call(&format!("/element/{}/value", self.element(selector)), &json!({"text": keys}));
    }

    /// Types into whatever has the focus.
    fn press(&self, key: &str) {
        let strokes = ["keyDown", "keyUp"].map(|stroke| json!({"type": stroke, "value": key}));
        let actions = json!([{"type": "key", "id": "k", "actions": strokes}]);
        self.call("/actions", &json!({"actions": actions}));
    }

    fn text(&self) -> String {
        self.run("return document.body.innerText").as_str().unwrap().to_string()
    }

    /// Writes what the window shows to the folder of screenshots, for people to look at.
    fn picture(&self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("page");
        std::fs::create_dir_all(&folder).unwrap();
        let png = BASE64.decode(self.get("/screenshot").as_str().unwrap()).unwrap();
        assert!(png.len() > 5000, "there is something to see");
        std::fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }

    /// Asserts that the page had nothing to complain about: no script failed, nothing was blocked,
    /// nothing asked for elsewhere.
    fn is_content(&self) {
        let told = self.call("/se/log", &json!({"type": "browser"}));
        assert_eq!(told.as_array().map(Vec::len), Some(0), "{told}");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A desk with a stamped clip of four seconds, and an upload of it: stripped, with its second half
/// from another clip.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.clip("two.mp4");
    desk.ffmpeg(
        "-stream_loop 1 -i two.mp4 -f lavfi -i sine=440:d=4 -map 0:v -map 1:a -c:v copy clip.mp4",
    );
    assert_eq!(
        code(&desk.run(&["stamp", "clip.mp4", "-o", "stamped.mp4", "--title", "A <b>rabbit</b>"])),
        0
    );
    desk.ffmpeg("-i stamped.mp4 -map_metadata -1 -c:v libx264 -crf 24 -c:a copy upload.mp4");
    desk
}

/// The player plays, and a click on the timeline moves it.
fn check_player(browser: &Browser) {
    browser.wait("document.querySelector('video').readyState >= 2");
    assert!(browser.run("return document.querySelector('video').duration").as_f64().unwrap() > 3.9);
    browser.run(
        "const t = document.querySelector('svg.timeline'), b = t.getBoundingClientRect(); \
        t.dispatchEvent(new MouseEvent('click', {clientX: b.x + b.width / 2, clientY: b.y + 20, \
        bubbles: true}))",
    );
    browser.wait("Math.abs(document.querySelector('video').currentTime - 2) < 0.3");
    browser.wait(
        "document.querySelector('.timeline .head').getAttribute('transform') !== 'translate(90 0)'",
    );
    // So do the arrow keys.
    browser.run(
        "document.querySelector('[role=slider]').dispatchEvent(new \
        KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))",
    );
    browser.wait("Math.abs(document.querySelector('video').currentTime - 3) < 0.4");
}

/// The marked area is drawn when asked for, over all of the frame.
fn check_area(browser: &Browser) {
    assert_eq!(
        browser.run("return getComputedStyle(document.querySelector('svg.area')).display"),
        "none"
    );
    browser.run("document.querySelector('#area').click()");
    assert_eq!(
        browser.run("return getComputedStyle(document.querySelector('svg.area')).display"),
        "block"
    );
    let sizes = browser.run(
        "return [document.querySelector('svg.area'), \
            document.querySelector('video')].map(e => [e.getBoundingClientRect().width, \
            e.getBoundingClientRect().height])",
    );
    assert_eq!(sizes[0], sizes[1]);
    assert!(
        browser.run("return document.querySelectorAll('svg.area .yes').length").as_u64().unwrap()
            > 4
    );
}

#[test]
fn a_moderator_sends_a_clip_and_reads_why() {
    let desk = desk();
    let server = Server::start(&desk, "rate = 0", &[]);
    let browser = Browser::open(1200, 1500);
    browser.go(&server.at("/"));
    browser.picture("start");
    // Choosing a file is enough.
    browser.keys("input[type=file]", desk.path("upload.mp4").to_str().unwrap());
    browser.wait("!!document.querySelector('.verdict')");
    let page = browser.text();
    for part in [
        "Recovered",
        "A <b>rabbit</b>",
        "Mark in the picture",
        "What to do",
        "Proofmark TEST signer",
        "c2pa.created",
    ] {
        assert!(page.contains(part), "'{part}' is missing in: {page}");
    }
    // Its sound is a pure tone, of which nothing can be told.
    assert_eq!(browser.run("return document.querySelector('.verdict').className"), "verdict doubt");
    // The weightiest reasons are there at once, the rest when it is asked for.
    assert_eq!(
        browser.run(
            "return [document.querySelectorAll('.verdict > ul li').length > 0, \
        document.querySelector('details.rest').open]"
        ),
        json!([true, false])
    );
    assert!(
        browser.run("return document.title").as_str().unwrap().starts_with("Recovered: upload.mp4")
    );
    check_player(&browser);
    check_area(&browser);
    browser.picture("report");
    // The link leads here, and the report can be taken away.
    let link =
        browser.run("return document.querySelector('#link').value").as_str().unwrap().to_string();
    assert_eq!(link, browser.url());
    let told = server.get(&format!("{}/report.json", link.strip_prefix(&server.url).unwrap()));
    assert_eq!(
        (told.json()["verdict"].as_str(), told.header("content-disposition")),
        (Some("recovered"), Some("attachment; filename=\"upload.proofmark.json\""))
    );
    browser.is_content();
}

#[test]
fn a_clip_is_dropped_and_what_is_no_clip_is_told() {
    let desk = desk();
    let server = Server::start(&desk, "rate = 0\nupload_bytes = 3000000", &[]);
    let browser = Browser::open(1200, 900);
    browser.go(&server.at("/"));
    let drop = |name: &str, bytes: &[u8]| {
        let script = "const data = new DataTransfer(); data.items.add(new \
            File([Uint8Array.from(atob(arguments[1]), c => c.charCodeAt(0))], arguments[0])); \
            document.querySelector('form').dispatchEvent(new DragEvent('drop', {dataTransfer: \
            data, bubbles: true, cancelable: true}))";
        browser.call(
            "/execute/sync",
            &json!({"script": script, "args": [name, BASE64.encode(bytes)]}),
        );
    };
    drop("words.txt", b"this is no clip");
    browser.wait("document.body.innerText.includes('could not be verified')");
    assert!(
        browser.text().contains("words.txt: is no media file")
            && !browser.text().contains("/serve/"),
        "{}",
        browser.text()
    );
    browser.go(&server.at("/"));
    drop("large.mp4", &vec![0; 3_000_001]);
    browser.wait("document.querySelector('[role=status]').innerText.includes('3000000')");
    assert_eq!(
        browser.run("return document.querySelector('button').disabled"),
        false,
        "another try is possible"
    );
    browser.go(&server.at("/"));
    drop("unmarked <script>.mp4", &std::fs::read(desk.path("two.mp4")).unwrap());
    browser.wait("!!document.querySelector('.verdict.none')");
    assert!(
        browser.text().contains("Nothing found")
            && browser.text().contains("unmarked <script>.mp4"),
        "{}",
        browser.text()
    );
    browser.picture("nothing");
    browser.go(&server.at("/reports/00000000000040008000000000000000"));
    assert!(browser.text().contains("no such report"), "{}", browser.text());
}

#[test]
fn a_phone_and_a_keyboard_are_enough() {
    let desk = desk();
    let server = Server::start(&desk, "rate = 0", &[]);
    let browser = Browser::open(500, 900);
    let upload = std::fs::read(desk.path("upload.mp4")).unwrap();
    let form = [
        b"--x\r\ncontent-disposition: form-data; name=\"clip\"; filename=\"upload.mp4\"\r\n\r\n",
        upload.as_slice(),
        b"\r\n--x--\r\n",
    ]
    .concat();
    // As a browser without scripts sends it.
    let sent = server.ask_as("POST", "/reports", None, ("multipart/form-data; boundary=x", &form));
    assert_eq!(sent.status, 303, "{}", text(&sent.body));
    browser.go(&server.at(sent.header("location").unwrap()));
    browser.wait("!!document.querySelector('.verdict')");
    assert_eq!(
        browser.run("return document.documentElement.scrollWidth <= innerWidth"),
        true,
        "nothing is wider than the screen"
    );
    browser.picture("phone");
    // Every control is reached by Tab, in an order, and has a name.
    let mut reached = Vec::new();
    for _ in 0..40 {
        browser.press("\u{e004}");
        let at = browser.run(
            "const e = document.activeElement; return e === document.body ? null \
            : (e.ariaLabel || e.labels?.[0]?.innerText || e.innerText || e.tagName)",
        );
        let Some(name) = at.as_str() else { break };
        reached.push(name.trim().to_string());
    }
    let place = |part: &str| {
        reached
            .iter()
            .position(|r| r.contains(part))
            .unwrap_or_else(|| panic!("'{part}' is not reached: {reached:?}"))
    };
    assert!(
        place("To the content") < place("The uploaded clip")
            && place("The uploaded clip") < place("Show where")
            && place("Show where") < place("Download the report")
    );
    assert!(place("Timeline") > 0 && place("Print") > 0);
    let unnamed = browser.run(
        "return \
        [...document.querySelectorAll('input,button,a,video,progress,[role=img]')].filter(e => \
        !(e.ariaLabel || e.labels?.length || e.innerText.trim() || e.alt)).map(e => e.outerHTML)",
    );
    assert_eq!(unnamed, json!([]));
    assert_eq!(
        browser.run(
            "return [document.documentElement.lang, \
        document.querySelectorAll('h1').length, document.querySelectorAll('main').length]"
        ),
        json!(["en", 1, 1])
    );
    browser.is_content();
}
