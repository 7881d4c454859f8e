//! Whoever has the key: each algorithm and form of a key file, a command, a token, a service; and
//! what is said of an identity that is no good.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::authority::{GOOD, bash, certify, convert, desk, key, signer};
use common::{Desk, code, json, refused, text};
use serde_json::Value;

/// `identity check`, with what it says.
fn check(desk: &Desk, arguments: &str) -> (i32, Value) {
    let words: Vec<&str> = arguments.split(' ').collect();
    let o = desk.run(&[&["identity", "check", "--json"], &words[..]].concat());
    let mut told = json(&o);
    assert_eq!(told.len(), 1, "{arguments}: {}", text(&o.stderr));
    (code(&o), told.remove(0))
}

/// Stamps the picture, and asserts that anybody takes what came of it, as signed by that name.
fn stamps(desk: &Desk, arguments: &[&str], name: &str) {
    let o = desk.run(&[&["stamp", "in.png", "-o", "out.png", "--force"], arguments].concat());
    assert_eq!(code(&o), 0, "{arguments:?}: {}", text(&o.stderr));
    let o = desk.run(&["verify", "out.png", "--json", "--trust", "ca.pem"]);
    let told = json(&o).remove(0);
    assert_eq!(
        (told["verdict"].as_str(), told["manifest"]["state"].as_str()),
        (Some("intact"), Some("trusted")),
        "{arguments:?}: {told}"
    );
    assert_eq!(told["manifest"]["signer"]["common_name"], format!("Signer-{name}"));
}

/// Stamps the picture, to no avail.
fn fails(desk: &Desk, arguments: &[&str], parts: &[&str]) {
    let o = desk.run(&[&["stamp", "-q", "in.png", "-o", "no.png"], arguments].concat());
    assert_ne!(code(&o), 0, "{arguments:?}");
    refused(&o, 2, parts);
    assert!(!desk.path("no.png").exists(), "{arguments:?}");
}

#[test]
fn every_algorithm_signs_from_every_form_of_a_key() {
    let desk = desk();
    std::fs::write(desk.path("password"), "a pass word\n").unwrap();
    std::fs::set_permissions(desk.path("password"), PermissionsExt::from_mode(0o600)).unwrap();
    let encrypted = "--sign-key-password-file password";
    for (name, kind, algorithm) in [
        ("p256", "EC -pkeyopt ec_paramgen_curve:P-256", "ES256"),
        ("p384", "EC -pkeyopt ec_paramgen_curve:P-384", "ES384"),
        ("p521", "EC -pkeyopt ec_paramgen_curve:P-521", "ES512"),
        ("ed25519", "ED25519", "Ed25519"),
        ("rsa", "RSA -pkeyopt rsa_keygen_bits:2048", "PS256"),
        ("rsa4096", "RSA -pkeyopt rsa_keygen_bits:4096", "PS256"),
        (
            "pss384",
            "RSA-PSS -pkeyopt rsa_keygen_bits:3072 -pkeyopt rsa_pss_keygen_md:sha384",
            "PS384",
        ),
    ] {
        signer(&desk, name, kind);
        let plain = format!("{name}.key");
        let mut forms = vec![(plain.clone(), "")];
        for (end, how) in [("aes", "-v2 aes-256-cbc"), ("scrypt", "-scrypt")] {
            let file = format!("{name}.{end}");
            convert(
                &desk,
                &format!("pkcs8 -topk8 {how} -in {plain} -passout file:password -out {file}"),
            );
            forms.push((file, encrypted));
        }
        if !["ed25519", "pss384"].contains(&name) {
            let file = format!("{name}.old");
            convert(&desk, &format!("pkey -traditional -in {plain} -out {file}"));
            assert!(std::fs::read_to_string(desk.path(&file)).unwrap().contains(
                if name.starts_with('p') {
                    "BEGIN EC PRIVATE KEY"
                } else {
                    "BEGIN RSA PRIVATE KEY"
                }
            ));
            forms.push((file, ""));
        }
        for (file, more) in forms {
            let arguments =
                format!("--sign-cert {name}.pem --sign-key {file} --trust ca.pem {more}");
            let (code, told) = check(&desk, arguments.trim());
            assert_eq!(
                (code, told["algorithm"].as_str(), told["trusted"].as_bool()),
                (0, Some(algorithm), Some(true)),
                "{file}: {told}"
            );
        }
        let chain = format!("{name}.pem");
        stamps(&desk, &["--sign-cert", &chain, "--sign-key", &plain], name);
    }
    for algorithm in ["ps384", "ps512"] {
        let more = ["--sign-cert", "rsa.pem", "--sign-key", "rsa.old", "--sign-alg", algorithm];
        stamps(&desk, &more, "rsa");
        let (_, told) = check(&desk, &more.join(" "));
        assert_eq!(told["algorithm"], algorithm.to_ascii_uppercase());
    }
    // As 'openssl ecparam' writes it, the curve first.
    convert(&desk, "ecparam -name prime256v1 -genkey -out curve.key");
    certify(&desk, "curve", GOOD, ["", "-days 90"]);
    stamps(&desk, &["--sign-cert", "curve.pem", "--sign-key", "curve.key"], "curve");
}

#[test]
fn a_key_that_cannot_be_used_is_told_in_a_line() {
    let desk = desk();
    signer(&desk, "good", "EC -pkeyopt ec_paramgen_curve:P-256");
    key(&desk, "other", "EC -pkeyopt ec_paramgen_curve:P-256");
    key(&desk, "rsa", "RSA -pkeyopt rsa_keygen_bits:2048");
    key(&desk, "koblitz", "EC -pkeyopt ec_paramgen_curve:secp256k1");
    convert(&desk, "pkcs8 -topk8 -in good.key -passout pass:right -out sealed.key");
    convert(&desk, "ec -aes128 -in good.key -passout pass:right -out old.key");
    bash(
        &desk,
        "umask 077; head -c 120 good.key > cut.key; echo wrong > password; echo no key > no.key
        sed '2s/^..../!!!!/' good.key > damaged.key; cp good.key open.key; chmod 644 open.key",
    );
    for (key, parts) in [
        ("other.key", ["good.pem", "do not belong together"]),
        ("rsa.key", ["good.pem", "do not belong together"]),
        ("koblitz.key", ["kind that C2PA does not take", "P-256"]),
        ("sealed.key", ["encrypted", "--sign-key-password-file"]),
        ("old.key", ["old way", "openssl pkcs8 -topk8"]),
        ("cut.key", ["ends within", "backup"]),
        ("damaged.key", ["damaged", "openssl pkcs8 -topk8"]),
        ("no.key", ["no private key", "openssl pkcs8 -topk8"]),
        ("open.key", ["others on this machine can read", "chmod 600"]),
        ("absent.key", ["absent.key", "cannot be read"]),
    ] {
        fails(&desk, &["--sign-cert", "good.pem", "--sign-key", key], &parts);
    }
    let sealed = ["--sign-cert", "good.pem", "--sign-key", "sealed.key"];
    let password = ["--sign-key-password-file", "password"];
    fails(
        &desk,
        &[&sealed[..], &["--sign-alg", "ps256"]].concat(),
        &["signs by ES256, not by PS256"],
    );
    fails(&desk, &[&sealed[..], &password].concat(), &["cannot be decrypted", "password"]);
    fails(&desk, &["--sign-cert", "good.pem"], &["go together", "--signer-command"]);
    fails(
        &desk,
        &["--sign-cert", "good.pem", "--sign-key", "good.key", "--signer-command", "cat"],
        &["more than one", "--signer-command"],
    );
}

#[test]
fn a_certificate_that_is_no_good_is_told_in_a_line() {
    let desk = desk();
    let with = |from: &str, to: &str| {
        assert!(GOOD.contains(from));
        GOOD.replace(from, to)
    };
    let usage = |text: &str| with("emailProtection", text);
    let p256 = "EC -pkeyopt ec_paramgen_curve:P-256";
    let days = ["", "-days 90"];
    for (name, kind, extensions, issue, parts) in [
        (
            "bare",
            p256,
            with("extendedKeyUsage=emailProtection\n", ""),
            days,
            "does not say what it",
        ),
        (
            "server",
            p256,
            usage("serverAuth,clientAuth"),
            days,
            "is for serverAuth, clientAuth, not",
        ),
        ("any", p256, usage("emailProtection,anyExtendedKeyUsage"), days, "is for anything"),
        ("clock", p256, usage("emailProtection,timeStamping"), days, "not for signing manifests"),
        ("mute", p256, with("digitalSignature", "keyAgreement"), days, "lacks digitalSignature"),
        ("over", p256, with("CA:FALSE", "CA:TRUE"), days, "is an authority's (CA)"),
        ("ended", p256, GOOD.into(), ["faketime 2020-01-01", "-days 9"], "ended on 2020-01-1"),
        ("early", p256, GOOD.into(), ["faketime 2090-01-01", "-days 9"], "not valid before 2090-0"),
        ("small", "RSA -pkeyopt rsa_keygen_bits:1024", GOOD.into(), days, "RSA key of 1024 bits"),
        ("large", "RSA -pkeyopt rsa_keygen_bits:5120", GOOD.into(), days, "RSA key of 5120 bits"),
        (
            "koblitz",
            "EC -pkeyopt ec_paramgen_curve:secp256k1",
            GOOD.into(),
            days,
            "curve secp256k1, which C2PA does not",
        ),
        ("ed448", "ED448", GOOD.into(), days, "kind that C2PA does not take"),
        ("sha1", p256, GOOD.into(), ["", "-days 90 -sha1"], "such as SHA-1"),
        (
            "orphan",
            p256,
            with("Identifier=keyid", "Identifier=none"),
            days,
            "authority key identif",
        ),
    ] {
        key(&desk, name, kind);
        certify(&desk, name, &extensions, issue);
        let (chain, key) = (format!("{name}.pem"), format!("{name}.key"));
        fails(&desk, &["--sign-cert", &chain, "--sign-key", &key], &[&chain, parts]);
    }
    // What can sign at all is looked into to the end.
    let (code, told) = check(&desk, "--sign-cert ended.pem --sign-key ended.key --trust ca.pem");
    assert_eq!(
        (code, told["good"].as_bool(), told["signs"].as_bool()),
        (1, Some(false), Some(true))
    );
    assert!(told["days_left"].as_i64().unwrap() < -2000, "{told}");
    assert!(told["problems"][0].as_str().unwrap().contains("ended on 2020"), "{told}");
    bash(
        &desk,
        "umask 077; openssl req -x509 -key server.key -subj /CN=self -days 9 -out self.pem -addext \
        basicConstraints=critical,CA:FALSE; echo nothing > empty.pem
        cat ca.pem bare.pem > turned.pem",
    );
    for (chain, says) in [
        ("self.pem", "signed by itself"),
        ("empty.pem", "no PEM certificate"),
        ("turned.pem", "is an authority's (CA)"),
    ] {
        fails(&desk, &["--sign-cert", chain, "--sign-key", "server.key"], &[chain, says]);
    }
    for usage in ["1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.62558.2.1"] {
        certify(&desk, "bare", &with("emailProtection", usage), days);
        stamps(&desk, &["--sign-cert", "bare.pem", "--sign-key", "bare.key"], "bare");
    }
}

#[test]
fn an_identity_is_told_whole() {
    let desk = desk();
    let (code, told) = check(&desk, "--home home");
    assert_eq!((code, told["algorithm"].as_str()), (0, Some("ES256")), "{told}");
    let remarks = |told: &Value| told["remarks"].as_array().unwrap().clone();
    assert!(remarks(&told).iter().any(|r| r.as_str().unwrap().contains("not be verifiable after")));
    key(&desk, "soon", "ED25519");
    certify(&desk, "soon", GOOD, ["", "-days 10"]);
    let own = "--sign-cert soon.pem --sign-key soon.key --time-stamp-url http://127.0.0.1:9/";
    let (code, told) = check(&desk, &format!("{own} --trust ca.pem"));
    assert_eq!((code, told["trusted"].as_bool(), told["chain"].as_u64()), (0, Some(true), Some(2)));
    assert_eq!(told["subject"], "O=Studio, CN=Signer-soon");
    assert_eq!(told["usages"], serde_json::json!(["emailProtection"]));
    let said = remarks(&told);
    assert!(
        said.len() == 1 && said[0].as_str().unwrap().contains("the certificate ends in"),
        "{told}"
    );
    // A list that names somebody else.
    let (code, told) = check(&desk, &format!("{own} --trust home/signing/authority.pem"));
    assert_eq!((code, told["trusted"].as_bool()), (1, Some(false)));
    let words: Vec<&str> = own.split(' ').collect();
    let o = desk.run(&[&["identity", "check"], &words[..]].concat());
    let told = text(&o.stdout);
    for part in ["good", "O=Studio, CN=Signer-soon", "Ed25519", "emailProtection"] {
        assert!(told.contains(part), "{told}");
    }
    // The key of another: told as what is wrong, not as a mistake of usage.
    key(&desk, "other", "ED25519");
    let (code, told) = check(&desk, "--sign-cert soon.pem --sign-key other.key");
    assert_eq!((code, told["signs"].as_bool()), (1, Some(false)));
    assert!(told["problems"][0].as_str().unwrap().contains("do not belong together"), "{told}");
    // What the configuration says.
    std::fs::write(
        desk.path("home/config.toml"),
        "[signing]\ncertificate = '../soon.pem'\nkey = '../soon.key'\n",
    )
    .unwrap();
    let o = desk.command(&["identity", "check", "--json"]).output().unwrap();
    assert_eq!(json(&o)[0]["subject"], "O=Studio, CN=Signer-soon");
    let o = desk.command(&["identity", "check"]).env("PROOFMARK_SIGNER", "cat").output().unwrap();
    refused(&o, 2, &["soon.pem", "pkcs11:", "--signer-command"]);
}

/// Writes a script that can be run.
fn script(desk: &Desk, name: &str, text: &str) {
    std::fs::write(desk.path(name), format!("#!/bin/bash\n{text}\n")).unwrap();
    std::fs::set_permissions(desk.path(name), PermissionsExt::from_mode(0o700)).unwrap();
}

#[test]
fn a_command_signs() {
    let desk = desk();
    for (name, kind, how) in [
        ("es256", "EC -pkeyopt ec_paramgen_curve:P-256", "dgst -sha256"),
        ("es512", "EC -pkeyopt ec_paramgen_curve:P-521", "dgst -sha512"),
        (
            "ps256",
            "RSA -pkeyopt rsa_keygen_bits:2048",
            "dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1",
        ),
    ] {
        signer(&desk, name, kind);
        script(
            &desk,
            "sign",
            &format!("echo \"$@\" > asked; env > seen; openssl {how} -sign $1.key"),
        );
        let chain = format!("{name}.pem");
        let line = format!("./sign {name} 'two words'");
        stamps(&desk, &["--sign-cert", &chain, "--signer-command", &line], name);
        let asked = std::fs::read_to_string(desk.path("asked")).unwrap();
        let file = desk.path(&chain);
        let expected =
            format!("--alg {name} --sign-cert {}", file.canonicalize().unwrap().display());
        assert!(
            asked.starts_with(&format!("{name} two words --reserve-size 1"))
                && (asked.contains(&expected)
                    || asked.contains(&format!("--sign-cert {}", file.display()))),
            "{asked}"
        );
        assert!(!std::fs::read_to_string(desk.path("seen")).unwrap().contains("PROOFMARK_"));
    }
    // Ed25519 takes a file, and the room is what was asked for.
    signer(&desk, "ed25519", "ED25519");
    script(
        &desk,
        "sign",
        "cat > data; echo \"$@\" > asked; openssl pkeyutl -sign -rawin -in data -inkey ed25519.key",
    );
    let more =
        ["--sign-cert", "ed25519.pem", "--signer-command", "./sign", "--signer-reserve", "20000"];
    stamps(&desk, &more, "ed25519");
    let asked = std::fs::read_to_string(desk.path("asked")).unwrap();
    assert!(asked.starts_with("--reserve-size 20000 --alg ed25519"), "{asked}");
}

#[test]
fn a_command_that_does_not_sign_is_told_in_a_line() {
    let desk = desk();
    signer(&desk, "good", "EC -pkeyopt ec_paramgen_curve:P-256");
    key(&desk, "other", "EC -pkeyopt ec_paramgen_curve:P-256");
    let fit = "does not fit the certificate";
    for (what, parts) in [
        ("echo one >&2; echo 'no such slot' >&2; exit 3", vec!["exit status: 3", "no such slot"]),
        ("exit 0", vec!["wrote no signature"]),
        ("cat > /dev/null; echo hello", vec![fit]),
        ("openssl dgst -sha256 -sign other.key", vec![fit]),
        ("openssl dgst -sha512 -sign good.key", vec![fit]),
        ("cat > /dev/null; yes", vec!["more than 65536 bytes"]),
        ("yes trouble | head -c 5000000 >&2; exit 1", vec!["exit status: 1", "trouble"]),
        ("kill -9 $$", vec!["signal: 9"]),
        // The first signature is a trial.
        (
            "[ -e tried ] && { echo 'none left' >&2; exit 9; }; touch tried; openssl dgst -sha256 \
            -sign good.key",
            vec!["in.png", "could not be signed", "none left"],
        ),
        // What it leaves behind goes with it.
        ("echo 'wait for me' >&2; sleep 600", vec!["within 2 s", "wait for me"]),
        ("(sleep 600 &) ; sleep 600", vec!["within 2 s"]),
    ] {
        script(&desk, "sign", what);
        let began = Instant::now();
        fails(
            &desk,
            &["--sign-cert", "good.pem", "--signer-command", "./sign", "--signer-seconds", "2"],
            &[&parts[..], &["sign"]].concat(),
        );
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
    }
    // One that reads nothing, is chatty, and leaves a program that holds its pipes, signs all the
    // same if its signature fits.
    script(
        &desk,
        "sign",
        "cat > data; head -c 3000000 /dev/zero >&2; (sleep 600 &); openssl dgst -sha256 -sign \
        good.key data",
    );
    stamps(&desk, &["--sign-cert", "good.pem", "--signer-command", "./sign"], "good");
    for (line, says) in [
        ("./absent", "no program that can be run"),
        ("in.png", "no program that can be run"),
        ("'./sign", "quote without its end"),
        (" ", "is empty"),
    ] {
        fails(&desk, &["--sign-cert", "good.pem", "--signer-command", line], &[says]);
    }
}

/// Debian's SoftHSM.
const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A URI of the token, with the PIN in a file.
fn on_token(object: &str) -> String {
    format!("pkcs11:token=studio;object={object}?module-path={SOFTHSM}&pin-source=file:pin")
}

/// Runs the command where the token is.
fn with_token(desk: &Desk, arguments: &[&str]) -> Output {
    desk.command(arguments).env("SOFTHSM2_CONF", desk.path("softhsm.conf")).output().unwrap()
}

#[test]
fn a_token_signs() {
    assert!(
        Path::new(SOFTHSM).exists(),
        "{SOFTHSM} is not there: install SoftHSM with scripts/setup.sh --tests"
    );
    let desk = desk();
    std::fs::create_dir(desk.path("tokens")).unwrap();
    std::fs::write(
        desk.path("softhsm.conf"),
        format!("directories.tokendir = {}\n", desk.path("tokens").display()),
    )
    .unwrap();
    let softhsm = "SOFTHSM2_CONF=softhsm.conf softhsm2-util";
    bash(
        &desk,
        &format!(
            "{softhsm} --init-token --free --label studio --so-pin 5678 --pin 1234
            umask 077; echo 1234 > pin; echo 4321 > wrong"
        ),
    );
    for (i, (name, kind, algorithm)) in [
        ("p256", "EC -pkeyopt ec_paramgen_curve:P-256", "ES256"),
        ("p384", "EC -pkeyopt ec_paramgen_curve:P-384", "ES384"),
        ("p521", "EC -pkeyopt ec_paramgen_curve:P-521", "ES512"),
        ("rsa", "RSA -pkeyopt rsa_keygen_bits:2048", "PS256"),
        ("ed25519", "ED25519", "Ed25519"),
    ]
    .into_iter()
    .enumerate()
    {
        signer(&desk, name, kind);
        bash(
            &desk,
            &format!(
                "{softhsm} --import {name}.key --token studio --label {name} --id 0{i} --pin 1234"
            ),
        );
        let chain = format!("{name}.pem");
        let uri = on_token(name);
        let own = ["--sign-cert", &chain, "--signer", &uri];
        let o = with_token(&desk, &[&["identity", "check", "--json"], &own[..]].concat());
        let told = json(&o).remove(0);
        assert_eq!(
            (code(&o), told["algorithm"].as_str(), told["signs"].as_bool()),
            (0, Some(algorithm), Some(true)),
            "{told}"
        );
        let stamped = [&["stamp", "in.png", "-o", "out.png", "--force"], &own[..]].concat();
        let o = with_token(&desk, &stamped);
        assert_eq!(code(&o), 0, "{}", text(&o.stderr));
        let told = json(&desk.run(&["verify", "out.png", "--json", "--trust", "ca.pem"])).remove(0);
        assert_eq!(told["manifest"]["state"], "trusted", "{told}");
    }
    let ps512 = on_token("rsa");
    let o = with_token(
        &desk,
        &["identity", "check", "--sign-cert", "rsa.pem", "--signer", &ps512, "--sign-alg", "ps512"],
    );
    assert_eq!(code(&o), 0, "{}{}", text(&o.stdout), text(&o.stderr));
    let with_id = format!("pkcs11:id=%00?module-path={SOFTHSM}&pin-value=1234");
    let bare = format!("pkcs11:token=studio;object=p256?module-path={SOFTHSM}");
    for (uri, more) in [(&with_id, None), (&bare, Some("pin"))] {
        let mut all = vec!["identity", "check", "--sign-cert", "p256.pem", "--signer", uri];
        all.extend(more.iter().flat_map(|file| ["--sign-key-password-file", file]));
        let o = with_token(&desk, &all);
        assert_eq!(code(&o), 0, "{uri}: {}{}", text(&o.stdout), text(&o.stderr));
    }
    for (uri, parts) in [
        (on_token("p256").replace("file:pin", "file:wrong"), vec!["studio", "refuses the PIN"]),
        (on_token("p256").replace("file:pin", "absent"), vec!["absent", "PIN cannot be read"]),
        (on_token("p999"), vec!["studio", "no private key"]),
        (bare.replace("object=p256", "type=private"), vec!["studio", "wants a PIN", "pin-source"]),
        (
            bare.replace("object=p256", "type=private") + "&pin-value=1234",
            vec!["5 private keys", "add object or id"],
        ),
        (on_token("p256").replace("token=studio", "token=home"), vec!["no token"]),
        (on_token("p256").replace(SOFTHSM, "/usr/lib/none.so"), vec!["no PKCS#11 library"]),
        (on_token("p256").replace("module-path", "module"), vec!["asks for 'module'"]),
        ("pkcs11:token=studio".into(), vec!["names no library", "module-path"]),
        (on_token("p384"), vec!["not that of the token's key"]),
    ] {
        let all = ["stamp", "in.png", "-o", "no.png", "--sign-cert", "p256.pem", "--signer", &uri];
        let o = with_token(&desk, &all);
        refused(&o, 2, &parts);
        assert!(!desk.path("no.png").exists() && !text(&o.stderr).contains("1234"), "{uri}");
    }
}

/// A stand-in for AWS, from `scripts/setup.sh --tests`, which holds requests to their signatures
/// once it has answered those of [`PREPARE`]. Its RSA is not tried: it salts PSS otherwise than
/// AWS.
struct Aws {
    server: Child,
    url: String,
}

impl Drop for Aws {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Where its tools are.
fn tool(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-tools/bin").join(name);
    assert!(path.exists(), "{}: install it with scripts/setup.sh --tests", path.display());
    path
}

/// Makes a user who may do anything and a key of each kind; prints what they are. A line each:
/// secrets of the user, then the keys' ids, whose public keys are written to files.
const PREPARE: &str = "
import boto3, json, sys
at = dict(endpoint_url=sys.argv[1], region_name='eu-west-1', aws_access_key_id='x', \
          aws_secret_access_key='x')
iam, kms = boto3.client('iam', **at), boto3.client('kms', **at)
iam.create_user(UserName='signer')
key = iam.create_access_key(UserName='signer')['AccessKey']
iam.put_user_policy(UserName='signer', PolicyName='all', PolicyDocument=json.dumps({'Version': \
'2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]}))
print(key['AccessKeyId'], key['SecretAccessKey'])
for name, spec in ('kms256', 'ECC_NIST_P256'), ('kms384', 'ECC_NIST_P384'):
    made = kms.create_key(KeySpec=spec, KeyUsage='SIGN_VERIFY')['KeyMetadata']
    public = kms.get_public_key(KeyId=made['KeyId'])['PublicKey']
    open(f'{name}.der', 'wb').write(public)
    print(made['KeyId'], made['Arn'])
";

#[test]
fn a_service_signs() {
    let desk = desk();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Command::new(tool("moto_server"))
        .args(["-H", "127.0.0.1", "-p", &free.port().to_string()])
        .env("INITIAL_NO_AUTH_ACTION_COUNT", "7")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let aws = Aws { server, url: format!("http://{free}") };
    let began = Instant::now();
    while TcpStream::connect(free).is_err() {
        assert!(began.elapsed() < Duration::from_secs(120), "moto did not start");
        std::thread::sleep(Duration::from_millis(100));
    }
    let made = Command::new(tool("python"))
        .args(["-c", PREPARE, &aws.url])
        .current_dir(desk.work.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let made = text(&made.stdout);
    let lines: Vec<Vec<&str>> = made.lines().map(|l| l.split(' ').collect()).collect();
    let run = |arguments: &[&str], secret: &str| {
        let mut command = desk.command(arguments);
        command
            .env("AWS_ENDPOINT_URL", &aws.url)
            .env("AWS_ACCESS_KEY_ID", lines[0][0])
            .env("AWS_SECRET_ACCESS_KEY", secret);
        command.output().unwrap()
    };
    for (name, line, algorithm) in [("kms256", &lines[1], "ES256"), ("kms384", &lines[2], "ES384")]
    {
        bash(&desk, &format!("openssl pkey -pubin -in {name}.der -out {name}.pub"));
        key(&desk, name, "ED25519");
        certify(&desk, name, GOOD, ["", &format!("-days 90 -force_pubkey {name}.pub")]);
        let (chain, uri) = (format!("{name}.pem"), format!("awskms:{}", line[1]));
        let own = ["--sign-cert", &chain, "--signer", &uri];
        let o = run(&[&["identity", "check", "--json"], &own[..]].concat(), lines[0][1]);
        let told = json(&o).pop().unwrap_or_else(|| panic!("{}", text(&o.stderr)));
        assert_eq!(
            (code(&o), told["algorithm"].as_str(), told["signs"].as_bool()),
            (0, Some(algorithm), Some(true)),
            "{told}"
        );
        let o = run(
            &[&["stamp", "in.png", "-o", "out.png", "--force"], &own[..]].concat(),
            lines[0][1],
        );
        assert_eq!(code(&o), 0, "{}", text(&o.stderr));
        let told = json(&desk.run(&["verify", "out.png", "--json", "--trust", "ca.pem"])).remove(0);
        assert_eq!(told["manifest"]["state"], "trusted", "{told}");
        // Whose secret is another's is refused.
        let o = run(&[&["stamp", "in.png", "-o", "no.png"], &own[..]].concat(), "not-the-secret");
        refused(&o, 2, &["awskms:", "did not sign: 403", "SignatureDoesNotMatch"]);
        assert!(!text(&o.stderr).contains("not-the-secret"));
    }
    let other = format!("awskms:{}", lines[2][1]);
    let stamp = ["stamp", "in.png", "-o", "no.png", "--sign-cert", "kms256.pem", "--signer"];
    let o = run(&[&stamp[..], &[&other]].concat(), lines[0][1]);
    refused(&o, 2, &["kms256.pem", "awskms:arn:aws:kms:eu-west-1"]);
    let o = run(&[&stamp[..], &["awskms:alias/none"]].concat(), lines[0][1]);
    refused(&o, 2, &["without a region", "AWS_REGION"]);
    fails(
        &desk,
        &[&stamp[4..], &[other.as_str()]].concat(),
        &["without credentials", "AWS_SECRET"],
    );
}

#[test]
fn what_the_authority_says_of_the_certificate_is_put_beside_the_signature() {
    let desk = desk();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    key(&desk, "asked", "EC -pkeyopt ec_paramgen_curve:P-256");
    let access = format!("{GOOD}authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}\n");
    certify(&desk, "asked", &access, ["", "-days 90"]);
    let serial = bash(&desk, "openssl x509 -in leaf.pem -noout -serial");
    key(&desk, "responder", "EC -pkeyopt ec_paramgen_curve:P-256");
    let answers = GOOD.replace("emailProtection", "OCSPSigning");
    certify(&desk, "responder", &answers, ["", "-days 90"]);
    let serial = serial.trim().trim_start_matches("serial=");
    let list = |line: String| std::fs::write(desk.path("index.txt"), line).unwrap();
    let stamp = || {
        let signed = ["--sign-cert", "asked.pem", "--sign-key", "asked.key", "--ocsp"];
        desk.run(&[&["stamp", "in.png", "-o", "out.png", "--force"], &signed[..]].concat())
    };
    // Nobody answers yet.
    refused(&stamp(), 2, &["could not be asked whether the signing certificate was revoked"]);
    let answering = |line: String| {
        list(line);
        let mut responder = Command::new("openssl")
            .args(["ocsp", "-index", "index.txt", "-rsigner", "leaf.pem", "-rkey"])
            .args(["responder.key", "-CA", "ca.pem", "-ndays", "1", "-ignore_err", "-port"])
            .arg(port.to_string())
            .current_dir(desk.work.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It says when it listens, and takes whoever connects without a question for its only one.
        let mut said = BufReader::new(responder.stdout.take().unwrap());
        said.read_line(&mut String::new()).unwrap();
        let stamped = stamp();
        responder.kill().unwrap();
        responder.wait().unwrap();
        stamped
    };
    let stamped = answering(format!("V\t350101000000Z\t\t{serial}\tunknown\t/CN=Signer-asked\n"));
    assert_eq!(code(&stamped), 0, "{}", text(&stamped.stderr));
    let told = json(&desk.run(&["verify", "out.png", "--json", "--trust", "ca.pem"])).remove(0);
    assert_eq!(told["manifest"]["signer"]["not_revoked"], true, "{told}");
    let revoked = answering(format!(
        "R\t350101000000Z\t250101000000Z\t{serial}\tunknown\t/CN=Signer-asked\n"
    ));
    refused(&revoked, 2, &["was revoked, says its authority"]);
    // Without a responder in it, a certificate has none to be asked.
    signer(&desk, "plain", "EC -pkeyopt ec_paramgen_curve:P-256");
    let o = desk.run(&[
        "stamp",
        "in.png",
        "-o",
        "out.png",
        "--force",
        "--sign-cert",
        "plain.pem",
        "--sign-key",
        "plain.key",
        "--ocsp",
    ]);
    refused(&o, 2, &["names nobody who says whether it was revoked"]);
}
