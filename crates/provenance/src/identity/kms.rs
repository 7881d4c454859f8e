//! A private key in AWS's key management service, asked for a signature by one signed request
//! (Signature Version 4): <https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html>.

use std::env::var;
use std::io::Read;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::SHA256;
use ring::hmac::{HMAC_SHA256, Key, sign};
use serde_json::{Value, json};
use time::OffsetDateTime;
use ureq::Agent;
use ureq::http::Uri;
use zeroize::Zeroizing;

use super::PrivateKey;
use super::algorithm::Algorithm;
use crate::validity::hexadecimal;

/// Bytes that the service takes the digest of itself.
const LONGEST_MESSAGE: usize = 4096;
/// Bytes of an answer at most.
const LONGEST: u64 = 64 << 10;
const CONTENT: &str = "application/x-amz-json-1.1";
const TARGET: &str = "TrentService.Sign";

/// A key of the service.
pub(super) struct KmsKey {
    /// Its id, alias or ARN.
    key: String,
    region: String,
    endpoint: Uri,
    access: String,
    secret: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
    agent: Agent,
}

impl KmsKey {
    /// By its id, alias or ARN, with what the environment says as of all of AWS's tools.
    ///
    /// # Errors
    /// What the environment lacks.
    pub(super) fn new(key: &str, patience: Duration) -> Result<Self, String> {
        let set = |name: &str| var(name).ok().filter(|value| !value.is_empty());
        let wanted = |what: &str, names: &str| {
            format!("the key awskms:{key} cannot be used without {what}; set {names}")
        };
        if key.is_empty() {
            return Err("awskms: names no key; give its id, alias/NAME or ARN behind it".into());
        }
        let named = key.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2));
        let region = named
            .map(str::to_string)
            .or_else(|| set("AWS_REGION"))
            .or_else(|| set("AWS_DEFAULT_REGION"))
            .ok_or_else(|| wanted("a region", "AWS_REGION, or name the key by its ARN"))?;
        let (access, secret) =
            set("AWS_ACCESS_KEY_ID").zip(set("AWS_SECRET_ACCESS_KEY")).ok_or_else(|| {
                wanted(
                    "credentials",
                    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, as 'aws configure \
                    export-credentials --format env' prints them",
                )
            })?;
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let endpoint = set("AWS_ENDPOINT_URL_KMS")
            .or_else(|| set("AWS_ENDPOINT_URL"))
            .unwrap_or_else(|| format!("https://kms.{region}.{domain}/"));
        let endpoint = endpoint.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
        let endpoint = endpoint
            .ok_or("AWS_ENDPOINT_URL is no URL; give one such as https://kms.example.com/")?;
        let agent = Agent::config_builder()
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            // The request is signed for one address.
            .max_redirects(0)
            .build()
            .into();
        Ok(Self {
            key: key.into(),
            region,
            endpoint,
            access,
            secret: Zeroizing::new(secret),
            token: set("AWS_SESSION_TOKEN").map(Zeroizing::new),
            agent,
        })
    }

    /// What proves that a request is by whoever has the credentials.
    fn authorization(&self, body: &str, now: &str) -> String {
        // The headers that are signed for, in their order.
        let (named, token) = match &self.token {
            Some(token) => (
                "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
                Zeroizing::new(format!("x-amz-security-token:{}\n", token.as_str())),
            ),
            None => ("content-type;host;x-amz-date;x-amz-target", Zeroizing::default()),
        };
        let host = self.endpoint.authority().map_or("", |authority| authority.as_str());
        let request = format!(
            "POST\n{}\n\ncontent-type:{CONTENT}\nhost:{host}\nx-amz-date:{now}\n{}x-amz-target:\
            {TARGET}\n\n{named}\n{}",
            self.endpoint.path(),
            token.as_str(),
            digest(body)
        );
        let day = now.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/kms/aws4_request", self.region);
        let text = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{}", digest(&request));
        let begin = Zeroizing::new(format!("AWS4{}", self.secret.as_str()));
        let mut key = Key::new(HMAC_SHA256, begin.as_bytes());
        for part in [day, &self.region, "kms", "aws4_request"] {
            key = Key::new(HMAC_SHA256, sign(&key, part.as_bytes()).as_ref());
        }
        let signature = hexadecimal(sign(&key, text.as_bytes()).as_ref());
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={named}, Signature={signature}",
            self.access
        )
    }

    /// Asks the service.
    fn ask(&self, body: &str) -> Result<(u16, Vec<u8>), ureq::Error> {
        let now = compact(OffsetDateTime::now_utc());
        let mut request = self
            .agent
            .post(&self.endpoint)
            .header("content-type", CONTENT)
            .header("x-amz-date", &now)
            .header("x-amz-target", TARGET)
            .header("authorization", self.authorization(body, &now));
        if let Some(token) = &self.token {
            request = request.header("x-amz-security-token", token.as_str());
        }
        let answer = request.send(body)?;
        let status = answer.status().as_u16();
        let mut text = Vec::new();
        answer.into_body().into_reader().take(LONGEST).read_to_end(&mut text)?;
        Ok((status, text))
    }
}

impl PrivateKey for KmsKey {
    fn sign(&self, data: &[u8], algorithm: Algorithm) -> Result<Vec<u8>, String> {
        let name = match algorithm {
            Algorithm::Es256 => "ECDSA_SHA_256",
            Algorithm::Es384 => "ECDSA_SHA_384",
            Algorithm::Es512 => "ECDSA_SHA_512",
            Algorithm::Ps256 => "RSASSA_PSS_SHA_256",
            Algorithm::Ps384 => "RSASSA_PSS_SHA_384",
            Algorithm::Ps512 => "RSASSA_PSS_SHA_512",
            Algorithm::Ed25519 => {
                return Err(
                    "awskms: signs by ECDSA and RSA here, not by Ed25519; use a key of one \
                    of those, or --signer-command"
                        .into(),
                );
            }
        };
        let fail = |what: String| format!("the key awskms:{} did not sign: {what}", self.key);
        let (kind, message) = match data.len() {
            0..=LONGEST_MESSAGE => ("RAW", data.to_vec()),
            _ => ("DIGEST", algorithm.digest(data)),
        };
        let body = json!({
            "KeyId": self.key,
            "Message": STANDARD.encode(message),
            "MessageType": kind,
            "SigningAlgorithm": name,
        });
        let (status, text) = self.ask(&body.to_string()).map_err(|e| fail(e.to_string()))?;
        let answer: Value = serde_json::from_slice(&text).unwrap_or_default();
        let says = |key: &str| answer[key].as_str().unwrap_or_default();
        if status != 200 {
            let kind = says("__type").rsplit('#').next().unwrap_or_default();
            let said = match format!("{}{}", says("message"), says("Message")) {
                // Whatever stands between may answer in words of its own.
                none if none.is_empty() => String::from_utf8_lossy(&text).into_owned(),
                said => said,
            };
            let line: String = said.chars().filter(|c| !c.is_control()).take(300).collect();
            return Err(fail(format!("{status} {kind} {line}").trim_end().into()));
        }
        STANDARD.decode(says("Signature")).map_err(|_| fail("its answer has no signature".into()))
    }

    fn misfit(&self) -> String {
        format!(
            "the certificate is not that of the key awskms:{}; give the chain of that key",
            self.key
        )
    }
}

fn digest(text: &str) -> String {
    hexadecimal(ring::digest::digest(&SHA256, text.as_bytes()).as_ref())
}

/// A time as these requests have it, such as `20150830T123600Z`.
fn compact(at: OffsetDateTime) -> String {
    let (month, day) = (u8::from(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    format!("{:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z", at.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What botocore's SigV4Auth signs of the same requests, at the same time, by a key of AWS's
    /// own examples.
    #[test]
    fn requests_are_signed_as_aws_signs_them() {
        let mut key = KmsKey {
            key: "alias/signing".into(),
            region: "eu-west-1".into(),
            endpoint: Uri::from_static("https://kms.eu-west-1.amazonaws.com/"),
            access: "AKIDEXAMPLE".into(),
            secret: Zeroizing::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into()),
            token: None,
            agent: Agent::new_with_defaults(),
        };
        let signed = |key: &KmsKey| {
            let all = key.authorization(r#"{"KeyId":"alias/signing"}"#, "20150830T123600Z");
            all.rsplit_once("Signature=").unwrap().1.to_string()
        };
        assert_eq!(
            signed(&key),
            "4e5f95d576213d45d477292901805503597e2db5f58fd2cd247194af2a7f6a60"
        );
        key.token = Some(Zeroizing::new("a-session-token".into()));
        assert_eq!(
            signed(&key),
            "36461475f748445cbd12b47da7daf41e989fb134cea224d1691f7d146931e273"
        );
        let at = OffsetDateTime::from_unix_timestamp(1_440_938_160).unwrap();
        assert_eq!(compact(at), "20150830T123600Z");
    }
}
