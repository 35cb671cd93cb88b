use chrono::{DateTime, Utc};

use super::recovery::RecoveryCode;
use super::totp::{SECRET, Totp};

/// The secret of RFC 6238, appendix B.
const OF_THE_RFC: &[u8; SECRET] = b"12345678901234567890";

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

#[test]
fn codes_are_those_of_the_rfc() {
    // The last six of its eight digits.
    for (second, code) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ] {
        assert_eq!(Totp::new(OF_THE_RFC).step_of(code, at(second)), Some(second as u64 / 30), "{second}");
    }
}

#[test]
fn a_code_is_good_one_step_before_and_after_its_own_and_no_longer() {
    // That of the seconds 30 to 59.
    let good = |second| Totp::new(OF_THE_RFC).step_of("287082", at(second));
    for second in [0, 29, 30, 59, 60, 89] {
        assert_eq!(good(second), Some(1), "{second}");
    }
    assert_eq!((good(90), good(3_600), good(-1)), (None, None, None));
}

#[test]
fn what_is_no_code_is_wrong_and_spaces_do_not_matter() {
    let step = |code: &str| Totp::new(OF_THE_RFC).step_of(code, at(59));
    assert_eq!((step("287 082"), step(" 287082\n")), (Some(1), Some(1)));
    for wrong in ["", "287083", "28708", "2870820", "+87082", "２８７０８２", "-28708", "94287082", "28708a"] {
        assert_eq!(step(wrong), None, "{wrong}");
    }
}

#[test]
fn an_authenticator_is_told_the_secret_in_three_ways() {
    let enrolment = Totp::new(OF_THE_RFC).enrolment("alice.b");
    assert_eq!(enrolment.secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_eq!(enrolment.uri, "otpauth://totp/Posthaste:alice.b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Posthaste");
    assert!(enrolment.qr.contains("<svg") && !enrolment.qr.contains("GEZD"));
    assert_eq!(format!("{enrolment:?}"), "Enrolment(hidden)");
}

#[test]
fn a_recovery_code_comes_back_however_it_is_typed() {
    let random: Vec<u8> = (0..100).collect();
    let codes = RecoveryCode::many(&random);
    assert_eq!(codes.len(), 10);
    for code in &codes {
        let written = code.write();
        assert_eq!((written.len(), written.matches('-').count()), (19, 3), "{written}");
        for typed in [written.clone(), written.to_uppercase(), written.replace('-', ""), format!(" {} ", written.replace('-', " "))] {
            assert_eq!(RecoveryCode::parse(&typed).as_ref(), Some(code), "{typed}");
        }
        assert_eq!(codes.iter().filter(|other| other.digest() == code.digest()).count(), 1);
        assert_eq!(format!("{code:?}"), "RecoveryCode(hidden)");
    }
    let written = codes[0].write();
    for wrong in ["", "287082", &written[1..], &format!("{written}a"), &written.replace('a', "1"), "ä"] {
        assert_eq!(RecoveryCode::parse(wrong), None, "{wrong}");
    }
}
