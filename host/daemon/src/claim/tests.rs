//! What a code opens, and that an owner stays one.

use std::time::Duration;

use super::{Code, OWNER_FILE, Refused, bind};
use crate::clock::SystemEntropy;

const NOW: Duration = Duration::from_secs(100);

fn code() -> Code {
    Code::draw(&SystemEntropy, NOW)
}

fn authority() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["owner".to_owned()]).unwrap();
    params.self_signed(&key).unwrap().pem()
}

#[test]
fn the_shown_code_opens_once_however_it_is_typed() {
    let mut code = code();
    let typed = code.shown().to_lowercase().replace('-', " ");
    assert_eq!(code.shown().len(), 19);
    assert_eq!(code.judge(&typed, NOW), Ok(()));
    assert_eq!(code.judge(&typed, NOW), Err(Refused::Over));
}

#[test]
fn five_wrong_codes_are_borne_and_then_the_right_one_is_too_late() {
    let mut code = code();
    let right = code.shown();
    for left in (0..5).rev() {
        assert_eq!(code.judge("wrong", NOW), Err(Refused::Wrong { left }));
    }
    assert_eq!(code.judge(&right, NOW), Err(Refused::Over));
}

#[test]
fn after_fifteen_minutes_a_code_is_over() {
    let mut code = code();
    let right = code.shown();
    let late = NOW + Duration::from_secs(900);
    assert!(!code.is_over(late - Duration::from_millis(1)));
    assert_eq!(code.judge(&right, late), Err(Refused::Over));
}

#[test]
fn an_owner_is_bound_once_and_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (authority(), authority());
    assert!(bind(dir.path(), "no certificate").is_err());
    bind(dir.path(), &first).unwrap();
    assert!(bind(dir.path(), &second).is_err());
    let kept = std::fs::read_to_string(dir.path().join(OWNER_FILE)).unwrap();
    assert_eq!(kept, first);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
