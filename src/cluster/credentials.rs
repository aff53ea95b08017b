//! Until when the credentials of a connection are good, where they say so themselves: a client certificate by its validity
//! (RFC 5280, 4.1.2.5), a token by its claim `exp` if it is a JWT (RFC 7519, 4.1.4). Decides nothing.
//!
//! What is fetched anew while a run goes on (exec plugins, token files, a pod's service account) has no end of its own here.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use k8s_openapi::ByteString;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

/// Until when credentials are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// They are renewed as they run out, or never run out.
    None,
    /// Until then.
    At(Timestamp),
    /// They do not say.
    Unknown,
}

impl Expiry {
    /// Reads a user of a kubeconfig. Of a certificate and a token the first to run out counts.
    pub(super) fn of(user: &Value) -> Self {
        let is_renewed =
            ["exec", "auth-provider", "tokenFile"].into_iter().any(|field| user.get(field).is_some_and(|given| !given.is_null()));
        let token = user["token"].as_str().filter(|_| !is_renewed).map(of_token);
        match (of_certificate(user), token) {
            (Some(Self::At(one)), Some(Self::At(other))) => Self::At(one.min(other)),
            (Some(at @ Self::At(_)), _) | (_, Some(at @ Self::At(_))) => at,
            (Some(Self::Unknown), _) | (_, Some(Self::Unknown)) => Self::Unknown,
            (Some(Self::None) | None, Some(Self::None) | None) => Self::None,
        }
    }
}

fn of_certificate(user: &Value) -> Option<Expiry> {
    let pem = match (user["client-certificate-data"].as_str(), user["client-certificate"].as_str()) {
        (Some(data), _) => from_base64(data),
        (None, Some(path)) => std::fs::read(path).ok(),
        (None, None) => return None,
    };
    let end = pem.and_then(|pem| not_after(CertificateDer::pem_slice_iter(&pem).next()?.ok()?.as_ref()));
    Some(end.map_or(Expiry::Unknown, Expiry::At))
}

/// A JWT without `exp` does not run out, as those of old service accounts; what is no JWT does not say.
fn of_token(token: &str) -> Expiry {
    let parts: Vec<&str> = token.split('.').collect();
    let [_, claims, _] = parts.as_slice() else { return Expiry::Unknown };
    let plain = claims.replace('-', "+").replace('_', "/");
    let padded = format!("{plain}{}", "=".repeat((4 - plain.len() % 4) % 4));
    let claims: Option<Value> = from_base64(&padded).and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match claims {
        Some(claims) => match claims["exp"].as_i64().map(Timestamp::from_second) {
            Some(Ok(end)) => Expiry::At(end),
            Some(Err(_)) => Expiry::Unknown,
            None => Expiry::None,
        },
        None => Expiry::Unknown,
    }
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    serde_json::from_value::<ByteString>(json!(text)).ok().map(|bytes| bytes.0)
}

/// DER, one element after another.
struct Der<'a>(&'a [u8]);

impl<'a> Iterator for Der<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [tag, length, rest @ ..] = self.0 else { return None };
        let (length, rest) = if *length < 0x80 {
            (usize::from(*length), rest)
        } else {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
            (digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), rest)
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, value))
    }
}

/// The tag of a certificate's version, which may be left out.
const VERSION: u8 = 0xa0;
/// Times with two digits for the year, and with four.
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// When a certificate ends: `tbsCertificate.validity.notAfter`.
fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (_, whole) = Der(certificate).next()?;
    let (_, signed) = Der(whole).next()?;
    // The serial number, the algorithm, the issuer, the validity.
    let (_, validity) = Der(signed).filter(|(tag, _)| *tag != VERSION).nth(3)?;
    let (tag, text) = Der(validity).nth(1)?;
    let text = std::str::from_utf8(text).ok()?;
    let text = match tag {
        UTC_TIME if text < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(year: i32) -> String {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
        params.not_after = rcgen::date_time_ymd(year, 2, 3);
        let certificate = params.self_signed(&key).expect("it can be signed");
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64(certificate.der()))
    }

    fn base64(bytes: &[u8]) -> String {
        serde_json::to_value(ByteString(bytes.to_vec())).expect("JSON").as_str().expect("a text").to_owned()
    }

    fn jwt(claims: &Value) -> String {
        let claims = base64(claims.to_string().as_bytes()).replace('+', "-").replace('/', "_");
        format!("e30.{}.c2ln", claims.trim_end_matches('='))
    }

    fn at(text: &str) -> Expiry {
        Expiry::At(text.parse().expect("a time"))
    }

    #[test]
    fn a_certificate_says_when_it_ends() {
        for (year, end) in [(2031, "2031-02-03T00:00:00Z"), (2055, "2055-02-03T00:00:00Z")] {
            let pem = certificate(year);
            assert_eq!(Expiry::of(&json!({ "client-certificate-data": base64(pem.as_bytes()) })), at(end));
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), pem).expect("there is room");
            assert_eq!(Expiry::of(&json!({ "client-certificate": file.path(), "exec": { "command": "x" } })), at(end));
        }
        for odd in ["", "x", "MIIB"] {
            assert_eq!(Expiry::of(&json!({ "client-certificate-data": odd })), Expiry::Unknown, "{odd}");
        }
    }

    #[test]
    fn a_token_says_when_it_ends_or_does_not() {
        let token = |token: &str| Expiry::of(&json!({ "token": token }));
        assert_eq!(token(&jwt(&json!({ "exp": 1_900_000_000 }))), at("2030-03-17T17:46:40Z"));
        assert_eq!(token(&jwt(&json!({ "sub": "system:serviceaccount:a:b" }))), Expiry::None);
        for opaque in ["", "abc", "a.b", "a.b.c", "a.!.c"] {
            assert_eq!(token(opaque), Expiry::Unknown, "{opaque}");
        }
        let first = Expiry::of(
            &json!({ "token": jwt(&json!({ "exp": 1_900_000_000 })), "client-certificate-data": base64(certificate(2055).as_bytes()) }),
        );
        assert_eq!(first, at("2030-03-17T17:46:40Z"));
    }

    #[test]
    fn what_is_renewed_has_no_end() {
        for renewed in [json!({ "exec": { "command": "aws" } }), json!({ "tokenFile": "/run/token", "token": "abc" }), json!({})] {
            assert_eq!(Expiry::of(&renewed), Expiry::None, "{renewed}");
        }
    }

    /// Whatever a certificate holds, it is read to its end at most.
    #[test]
    fn cut_off_certificates_are_read_without_harm() {
        let pem = certificate(2031);
        let whole = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        for end in 0..whole.len() {
            let _ = not_after(&whole[..end]);
        }
        assert_eq!(not_after(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0]), None);
    }
}
