//! Files in upload forms.

use crate::common::server::Server;
use crate::common::{Desk, code, refused, text};

/// A form as clients send it, of parts with their heads.
fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (head, body) in parts {
        out.extend_from_slice(format!("--x-y\r\n{head}\r\n\r\n").as_bytes());
        out.extend_from_slice(body);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"--x-y--\r\n");
    out
}

const FORM: &str = "multipart/form-data; boundary=x-y";

#[test]
fn a_form_with_a_file_is_read_as_the_file_in_it() {
    let desk = Desk::new();
    desk.ffmpeg("-f lavfi -i testsrc2=s=320x240 -frames:v 1 plain.png");
    desk.ffmpeg("-f lavfi -i anoisesrc=d=3:a=0.3 plain.wav");
    desk.clip("plain.mp4");
    let server = Server::start(&desk, "", &[]);
    for (from, to) in [
        ("plain.png", "a.jpg"),
        ("plain.png", "a.png"),
        ("plain.wav", "a.mp3"),
        ("plain.wav", "a.wav"),
        ("plain.mp4", "a.mp4"),
    ] {
        let o = desk.run(&["stamp", from, "-o", to]);
        assert_eq!(code(&o), 0, "{}", text(&o.stderr));
        let bytes = std::fs::read(desk.path(to)).unwrap();
        let head = format!(
            "Content-Disposition: form-data; name=\"file\"; filename=\"{to}\"\r\nContent-Type: \
            application/octet-stream"
        );
        let answer = server.ask_as(
            "POST",
            "/v1/verify",
            None,
            (
                FORM,
                &form(&[
                    ("content-disposition: form-data; name=\"note\"", b"words"),
                    (&head, &bytes),
                ]),
            ),
        );
        assert_eq!(
            (answer.status, answer.json()["verdict"].as_str(), answer.json()["file"].as_str()),
            (200, Some("intact"), Some(to)),
            "{}",
            text(&answer.body)
        );
        // The same bytes alone, however they are called: what curl --data-binary says of them is
        // not so.
        for kind in ["application/octet-stream", "application/x-www-form-urlencoded"] {
            assert_eq!(
                server.ask_as("POST", "/v1/verify", None, (kind, &bytes)).json()["verdict"],
                "intact",
                "{to} as {kind}"
            );
        }
        // A form that does not say that it is one is no file with something before it.
        let unsaid = form(&[(&head, &bytes)]);
        for path in ["/v1/verify", "/v1/matches/byContent"] {
            server
                .ask_as("POST", path, None, ("application/octet-stream", &unsaid))
                .refused(415, "an upload form");
        }
        std::fs::write(desk.path("kept.bin"), &unsaid).unwrap();
        for verb in ["verify", "detect"] {
            refused(&desk.run(&[verb, "kept.bin"]), 2, &["kept.bin", "upload form"]);
        }
    }
}

#[test]
fn forms_that_are_not_one_file_are_refused_with_what_to_do() {
    let desk = Desk::new();
    desk.ffmpeg("-f lavfi -i testsrc2=s=320x240 -frames:v 1 a.png");
    let picture = std::fs::read(desk.path("a.png")).unwrap();
    let server = Server::start(&desk, "upload_bytes = 400000", &[]);
    let post = |query: &str, kind: &str, body: &[u8]| {
        server.ask_as("POST", &format!("/v1/verify{query}"), None, (kind, body))
    };
    let file =
        |name: &str| format!("Content-Disposition: form-data; name=\"any\"; filename=\"{name}\"");
    // What names the report.
    let named = |query: &str, head: &str| {
        let answer = post(query, FORM, &form(&[(head, &picture)]));
        assert_eq!(answer.status, 200, "{head}: {}", text(&answer.body));
        answer.json()["file"].as_str().unwrap().to_string()
    };
    assert_eq!(named("", &file("C:\\fakepath\\a b.png")), "a b.png");
    assert_eq!(named("", &file("../../etc/passwd")), "passwd");
    assert_eq!(named("?name=mine.png", &file("theirs.png")), "mine.png");
    assert_eq!(
        named("", "Content-Disposition: form-data; name=x; filename*=utf-8''caf%C3%A9.png"),
        "caf\u{e9}.png"
    );
    assert_eq!(
        named("", "Content-Disposition: form-data; name=\"file\"\r\nContent-Type: image/png"),
        "upload"
    );
    assert_eq!(named("", &file("")), "upload");

    let (a, b) = (file("a.png"), file("b.png"));
    post("", FORM, &form(&[(&a, &picture), (&b, &picture)])).refused(400, "several files");
    post("", FORM, &form(&[("Content-Disposition: form-data; name=\"file\"", b"words")]))
        .refused(400, "no file in the form");
    post("", FORM, &form(&[])).refused(400, "no file in the form");
    post("", FORM, &form(&[(&a, b"")])).refused(400, "empty");
    post("", FORM, &form(&[(&file(""), b"")])).refused(400, "no file was chosen");
    post("", FORM, b"no form at all").refused(400, "form");
    post("", FORM, &form(&[(&a, &picture)])[..2000]).refused(400, "form");
    post("", "multipart/form-data", &form(&[(&a, &picture)])).refused(400, "boundary");
    post("", FORM, &form(&[(&a, &vec![7; 500_000])])).refused(413, "400000");
    post("", FORM, &form(&[("Content-Disposition: form-data; name=\"t\"", &vec![7; 1_200_000])]))
        .refused(400, "too long");
    post("", "multipart/mixed; boundary=x-y", &form(&[(&a, &picture)]))
        .refused(415, "multipart/form-data");
    post("", "application/x-www-form-urlencoded", b"file=a.png&note=words")
        .refused(415, "multipart/form-data");
    server
        .ask_as("POST", "/v1/matches/byContent", None, (FORM, &form(&[(&a, &picture)])))
        .refused(415, "multipart/form-data");
    // A head without an end, a hundred parts and one, and what comes before the first part, take no
    // memory.
    let endless =
        [b"--x-y\r\nContent-Disposition: form-data; name=\"".as_slice(), &vec![b'a'; 300_000]]
            .concat();
    post("", FORM, &endless).refused(400, "form");
    post("", FORM, &vec![b'a'; 300_000]).refused(400, "form");
    post("", FORM, &form(&vec![("Content-Disposition: form-data; name=\"t\"", &b"t"[..]); 200]))
        .refused(400, "more than 100 parts");
}
