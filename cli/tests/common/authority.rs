//! An authority that issues certificates for signers, by openssl.

use std::process::Command;

use super::{Desk, text};

/// What a certificate says beside the usual, unless it is to be a wrong one.
pub(crate) const GOOD: &str = "basicConstraints=critical,CA:FALSE\n\
    keyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n\
    subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";

/// Runs a script where the desk is.
pub(crate) fn bash(desk: &Desk, script: &str) -> String {
    let o =
        Command::new("bash").args(["-ec", script]).current_dir(desk.work.path()).output().unwrap();
    assert!(o.status.success(), "{script}\n{}", text(&o.stderr));
    text(&o.stdout)
}

/// A desk with an authority, `ca.pem`, and a small picture, `in.png`.
pub(crate) fn desk() -> Desk {
    let desk = Desk::new();
    bash(
        &desk,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
        -out ca.pem -days 3650 -subj '/O=Some Studio/CN=Some authority' -addext \
        keyUsage=critical,keyCertSign",
    );
    desk.ffmpeg("-f lavfi -i mandelbrot=s=256x256 -frames:v 1 in.png");
    desk
}

/// Makes a private key, `NAME.key`.
pub(crate) fn key(desk: &Desk, name: &str, kind: &str) {
    bash(desk, &format!("umask 077; openssl genpkey -algorithm {kind} -out {name}.key"));
}

/// Has the authority issue a certificate for `NAME.key`: the chain is `NAME.pem`. `issue` is what
/// openssl is run by and with.
pub(crate) fn certify(desk: &Desk, name: &str, extensions: &str, issue: [&str; 2]) {
    std::fs::write(desk.path("leaf.ext"), extensions).unwrap();
    let [by, with] = issue;
    bash(
        desk,
        &format!(
            "openssl req -new -key {name}.key -subj /O=Studio/CN=Signer-{name} -out leaf.csr
            {by} openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile \
            leaf.ext {with} -out leaf.pem
            cat leaf.pem ca.pem > {name}.pem"
        ),
    );
}

/// A key, and a good certificate for it.
pub(crate) fn signer(desk: &Desk, name: &str, kind: &str) {
    key(desk, name, kind);
    certify(desk, name, GOOD, ["", "-days 90"]);
}

/// Has openssl write a file for its owner alone.
pub(crate) fn convert(desk: &Desk, arguments: &str) {
    bash(desk, &format!("umask 077; openssl {arguments}"));
}
