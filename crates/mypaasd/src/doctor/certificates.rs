//! Until when certificates hold.

use std::path::Path;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use ports::{Clock, clock::SystemClock};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::Finding;
use crate::config::Config;

/// So many days before the end it is told.
const SOON: i64 = 21;

pub(super) fn look(config: &Config) -> Vec<Finding> {
    let now = SystemClock.now();
    let own = config.home.join("tls/server.pem");
    let mut findings =
        vec![if own.exists() { certificate(&own, "the API", now) } else { Finding::good("certificates", "the API's is made at the first start") }];
    findings.extend(config.router.certificate.iter().map(|one| certificate(&one.chain, &one.hosts.join(", "), now)));
    findings
}

fn certificate(path: &Path, whose: &str, now: Timestamp) -> Finding {
    let told = |what: &str| format!("of {whose}, in {}: {what}", path.display());
    let read = CertificateDer::from_pem_file(path).ok().and_then(|certificate| ends(&certificate));
    let Some(end) = read else {
        return Finding::wrong("certificates", told("it cannot be read"), "put a PEM file with the certificate, and what signed it, there");
    };
    let days = (end.as_second() - now.as_second()) / 86_400;
    if end <= now {
        Finding::wrong("certificates", told(&format!("it ended on {end}")), "renew it; the router takes a new file when it is started")
    } else if days < SOON {
        Finding::warning("certificates", told(&format!("it ends in {days} days")), "renew it; the router takes a new file when it is started")
    } else {
        Finding::good("certificates", told(&format!("good for {days} days")))
    }
}

/// When a certificate (X.509, DER) ends. RFC 5280: `SEQUENCE { SEQUENCE { [0] version, serial, algorithm, issuer, SEQUENCE { from, until }, …`
fn ends(certificate: &[u8]) -> Option<Timestamp> {
    let (_, whole, _) = element(certificate)?;
    let (_, mut signed, _) = element(whole)?;
    const VERSION: u8 = 0xa0;
    let (first, _, rest) = element(signed)?;
    if first == VERSION {
        signed = rest;
    }
    for _ in ["serial", "algorithm", "issuer"] {
        signed = element(signed)?.2;
    }
    let (_, validity, _) = element(signed)?;
    let (kind, until, _) = element(element(validity)?.2)?;
    time(kind, std::str::from_utf8(until).ok()?)
}

/// The kind, the content, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&kind, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        (digits.iter().try_fold(0_usize, |length, digit| length.checked_mul(256)?.checked_add(usize::from(*digit)))?, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((kind, content, rest))
}

/// `YYMMDDHHMMSSZ` until 2049, `YYYYMMDDHHMMSSZ` from then on.
fn time(kind: u8, text: &str) -> Option<Timestamp> {
    const UTC_TIME: u8 = 0x17;
    let text = text.strip_suffix('Z')?;
    let century = match kind {
        UTC_TIME if text.get(..2)? < "50" => "20",
        UTC_TIME => "19",
        _ => "",
    };
    let parsed = DateTime::strptime("%Y%m%d%H%M%S", format!("{century}{text}")).ok()?;
    Some(parsed.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::{super::Status, *};

    fn lasting_until(year: i32) -> String {
        let mut params = CertificateParams::new(vec!["shop.example.com".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 3, 1);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_ways_of_writing_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain.pem");
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (year, now, status) in [
            (2027, "2026-01-01T00:00:00Z", Status::Good),
            (2027, "2027-02-20T00:00:00Z", Status::Warning),
            (2027, "2027-03-01T00:00:01Z", Status::Wrong),
            (2061, "2061-02-28T00:00:00Z", Status::Warning),
        ] {
            std::fs::write(&path, lasting_until(year)).unwrap();
            let finding = certificate(&path, "shop", at(now));
            assert_eq!(finding.status, status, "{finding}");
        }
        std::fs::write(&path, "nonsense").unwrap();
        assert_eq!(certificate(&path, "shop", at("2026-01-01T00:00:00Z")).status, Status::Wrong);
    }
}
