//! Forecasts of wear over made-up lives.

use super::*;
use proptest::prelude::*;

fn health(power_on_hours: u64, used_percent: u8, bytes_written: u64) -> Health {
    Health {
        power_on_hours,
        used_percent,
        bytes_written,
        ..Health::default()
    }
}

#[test]
fn a_drive_half_worn_in_a_year_has_a_year_left() {
    let now = health(8_760, 50, 0);
    let expected = Forecast {
        days_left: 365,
        recent: false,
    };
    assert_eq!(forecast(None, &now), Some(expected));
}

#[test]
fn a_faster_recent_pace_counts() {
    let earlier = health(8_520, 40, 0);
    let expected = Forecast {
        days_left: 50,
        recent: true,
    };
    assert_eq!(
        forecast(Some(&earlier), &health(8_760, 50, 0)),
        Some(expected)
    );
}

#[test]
fn no_wear_no_hours_and_counters_that_went_back_forecast_nothing() {
    assert_eq!(forecast(None, &health(8_760, 0, 0)), None);
    assert_eq!(forecast(None, &health(0, 0, 0)), None);
    assert_eq!(
        forecast(Some(&health(9_000, 9, 0)), &health(12, 1, 0)),
        None
    );
}

#[test]
fn a_worn_drive_has_no_days_left() {
    let worn = forecast(None, &health(10_000, 120, 0)).expect("it is worn");
    assert_eq!(worn.days_left, 0);
}

#[test]
fn amplification_is_the_drives_bytes_over_ours() {
    let (earlier, now) = (health(0, 0, 5 << 30), health(0, 0, 11 << 30));
    assert_eq!(amplification(&earlier, &now, 4 << 30), Some(150));
    assert_eq!(amplification(&earlier, &now, 1 << 20), None);
    assert_eq!(amplification(&now, &earlier, 4 << 30), None);
    assert_eq!(amplification(&now, &now, 4 << 30), None);
}

proptest! {
    #[test]
    fn no_numbers_make_it_panic(a: (u64, u8, u64), b: (u64, u8, u64), own: u64) {
        let (a, b) = (health(a.0, a.1, a.2), health(b.0, b.1, b.2));
        let _ = forecast(Some(&a), &b);
        let _ = amplification(&a, &b, own);
    }
}
