//! A box gets a certificate by a claim and renews it by itself; everybody else is refused.

use identity::{Authority, Certificate, Holder, Key, Voucher, request};
use wire::enrol::EnrolRequest;
use wire::time::WallTime;
use wire::topic::Device;

const NOW: WallTime = WallTime(1_800_000_000_000_000);

fn after_days(days: i64) -> WallTime {
    WallTime(NOW.0 + days * 86_400 * 1_000_000)
}

fn device(text: &str) -> Device {
    let (tenant, device) = text.split_once('/').expect("two names");
    Device { tenant: tenant.parse().expect("a name"), device: device.parse().expect("a name") }
}

fn authority() -> Authority {
    let (certificate, key) = Authority::create("Courtside", 3_650, NOW);
    Authority::from_pem(&certificate, &key).expect("it was made so")
}

fn ask(device: &Device, key: &Key, voucher: &str) -> EnrolRequest {
    let voucher = Voucher::from_pem(voucher).expect("a voucher");
    request("a1".parse().expect("a name"), device, key, &voucher)
}

fn enrolled(authority: &Authority, box_: &Device) -> String {
    let claim = authority.claim(&box_.tenant, 30, NOW);
    let key = Key::generate();
    let granted = authority.judge(box_, &ask(box_, &key, &claim), NOW).expect("a good claim");
    authority.issue(&granted, 365, NOW) + &key.to_pem()
}

#[test]
fn claim_brings_a_certificate_for_the_key_that_the_box_made() {
    let (authority, box_, key) = (authority(), device("demo/court-1"), Key::generate());
    let claim = authority.claim(&box_.tenant, 30, NOW);
    let asked = ask(&box_, &key, &claim);
    assert!(!asked.voucher.contains("PRIVATE") && !asked.request.contains("PRIVATE"));
    let granted = authority.judge(&box_, &asked, NOW).expect("a good claim");
    assert_eq!(granted.voucher, Holder::Claim(box_.tenant.clone()));
    let pem = authority.issue(&granted, 365, NOW);
    let certificate = Certificate::from_pem(&pem).expect("a certificate");
    assert_eq!(certificate.holder(), Some(&Holder::Box(box_)));
    assert!(key.fits(&certificate) && !Key::generate().fits(&certificate));
    assert!(certificate.counts_at(NOW) && !certificate.counts_at(after_days(366)));
    assert!(!certificate.is_to_be_renewed_at(after_days(240)));
    assert!(certificate.is_to_be_renewed_at(after_days(245)));
    assert!(!certificate.is_to_be_renewed_at(WallTime(0)), "a clock of 1970 renews nothing");
}

#[test]
fn box_vouches_for_its_own_next_certificate_and_for_no_other_box() {
    let (authority, box_) = (authority(), device("demo/court-1"));
    let own = enrolled(&authority, &box_);
    let next = Key::generate();
    let granted = authority.judge(&box_, &ask(&box_, &next, &own), after_days(300));
    assert_eq!(granted.expect("its own").voucher, Holder::Box(box_));
    for other in ["demo/court-2", "other/court-1"] {
        let other = device(other);
        let why = authority.judge(&other, &ask(&other, &next, &own), NOW).expect_err("another box");
        assert!(why.0.contains("box demo/court-1 cannot vouch for"), "{why}");
    }
}

#[test]
fn claim_of_another_tenant_authority_or_time_is_refused() {
    let (authority, box_, key) = (authority(), device("demo/court-1"), Key::generate());
    let other = authority.claim(&"other".parse().expect("a name"), 30, NOW);
    let why = authority.judge(&box_, &ask(&box_, &key, &other), NOW).expect_err("of others");
    assert!(why.0.contains("claim of tenant other cannot vouch"), "{why}");

    let (certificate, secret) = Authority::create("Courtside", 3_650, NOW);
    let stranger = Authority::from_pem(&certificate, &secret).expect("it was made so");
    let foreign = stranger.claim(&box_.tenant, 30, NOW);
    let why = authority.judge(&box_, &ask(&box_, &key, &foreign), NOW).expect_err("a stranger's");
    assert!(why.0.contains("does not count here and now"), "{why}");

    let claim = authority.claim(&box_.tenant, 30, NOW);
    let asked = ask(&box_, &key, &claim);
    let why = authority.judge(&box_, &asked, after_days(31)).expect_err("ended");
    assert!(why.0.contains("does not count here and now"), "{why}");
}

#[test]
fn request_that_was_changed_or_moved_is_refused() {
    let (authority, box_, key) = (authority(), device("demo/court-1"), Key::generate());
    let claim = authority.claim(&box_.tenant, 30, NOW);
    let good = ask(&box_, &key, &claim);
    let neighbour = device("demo/court-2");
    let why = authority.judge(&neighbour, &good, NOW).expect_err("moved to another topic");
    assert!(why.0.contains("did not sign this request for this box"), "{why}");
    let others = ask(&box_, &Key::generate(), &claim);
    let mixed = EnrolRequest { request: others.request, ..good.clone() };
    let why = authority.judge(&box_, &mixed, NOW).expect_err("another key");
    assert!(why.0.contains("did not sign this request"), "{why}");
    let later = EnrolRequest { v: 2, ..good };
    assert!(authority.judge(&box_, &later, NOW).expect_err("later").0.contains("version 2"));
}

#[test]
fn program_that_is_no_box_vouches_for_nobody() {
    let (authority, box_) = (authority(), device("demo/court-1"));
    let receiver = authority.client(&"receiver".parse().expect("a name"), 365, NOW);
    let certificate = Certificate::from_pem(&receiver).expect("a certificate");
    assert_eq!(certificate.holder(), None);
    let told = authority.judge(&box_, &ask(&box_, &Key::generate(), &receiver), NOW);
    assert!(told.is_err(), "{told:?}");
}

#[test]
fn what_is_no_voucher_or_authority_says_so() {
    let (authority, box_) = (authority(), device("demo/court-1"));
    let one = enrolled(&authority, &box_);
    let certificate = one.split("-----BEGIN PRIVATE").next().expect("a certificate");
    let mixed = certificate.to_owned() + &Key::generate().to_pem();
    let why = Voucher::from_pem(&mixed).expect_err("another key");
    assert!(why.to_string().contains("do not belong together"));
    assert!(Voucher::from_pem(certificate).expect_err("no key").to_string().contains("P-256"));
    assert!(Authority::from_pem(authority.pem(), &Key::generate().to_pem()).is_err());
    assert!(Authority::from_pem("", "").is_err());
    // A box's certificate does not make it an authority.
    let mine = Authority::from_pem(certificate, &one);
    assert!(mine.is_err(), "a certificate of a box signs nothing");
}
