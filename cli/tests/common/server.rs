//! A server at a free port, and what it answers.
#![allow(
    dead_code,
    clippy::print_stderr,
    reason = "each test binary uses its part, and one that fails should say so"
)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::{Desk, text};

/// A server, killed when the test ends.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

/// What a request was answered with.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn of(mut response: Response<Body>) -> Self {
        let headers = response
            .headers()
            .iter()
            .map(|(n, v)| (n.to_string(), v.to_str().unwrap_or_default().to_string()))
            .collect();
        let mut body = Vec::new();
        response.body_mut().as_reader().read_to_end(&mut body).unwrap();
        Self { status: response.status().as_u16(), headers, body }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", text(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Asserts a status, and for an error one line that holds `part`.
    pub(crate) fn refused(&self, status: u16, part: &str) {
        assert_eq!(self.status, status, "{}", text(&self.body));
        let error = self.json()["error"].as_str().unwrap().to_string();
        assert!(error.contains(part) && !error.contains('\n'), "'{part}' is missing in: {error}");
        assert!(
            self.json()["code"].as_str().is_some_and(|code| code.contains('.')),
            "{error} has no code"
        );
    }
}

impl Server {
    /// Starts one with the configuration `serve`, the lines of its part.
    pub(crate) fn start(desk: &Desk, serve: &str, arguments: &[&str]) -> Self {
        std::fs::write(desk.path("home/config.toml"), format!("[serve]\n{serve}\n")).unwrap();
        let mut all = vec!["serve", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        Self::of(desk.command(&all))
    }

    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let url = loop {
            let mut line = String::new();
            assert!(told.read_line(&mut line).unwrap() > 0, "the server ended before it listened");
            if let Some((_, url)) = line.trim().split_once("serving at ") {
                break url.to_string();
            }
        };
        // What it says later is of use when a test fails, and must not block it.
        std::thread::spawn(move || {
            told.lines().map_while(Result::ok).for_each(|line| eprintln!("server: {line}"))
        });
        Self { child, url }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None, &[])
    }

    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.ask("POST", path, None, body)
    }

    pub(crate) fn post_file(&self, path: &str, file: &Path) -> Answer {
        self.post(path, &std::fs::read(file).unwrap())
    }

    pub(crate) fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &[u8]) -> Answer {
        let kind =
            if body.starts_with(b"{") { "application/json" } else { "application/octet-stream" };
        self.ask_as(method, path, token, (kind, body))
    }

    pub(crate) fn ask_as(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        (kind, body): (&str, &[u8]),
    ) -> Answer {
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .build()
            .into();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(self.at(path))
            .header("content-type", kind);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = if body.is_empty() {
            agent.run(request.body(()).unwrap())
        } else {
            agent.run(request.body(body).unwrap())
        };
        Answer::of(answer.unwrap())
    }

    pub(crate) fn signal(&self, signal: &str) {
        assert!(
            Command::new("kill")
                .args([&format!("-{signal}"), &self.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
    }

    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
