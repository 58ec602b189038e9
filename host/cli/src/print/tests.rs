//! Dates for people.

use super::day;

#[test]
fn a_day_is_the_calendars() {
    let ms = |days: u64| days * 86_400_000;
    assert_eq!(day(0), "1970-01-01");
    assert_eq!(day(ms(11_016)), "2000-02-29");
    assert_eq!(day(ms(11_017) - 1), "2000-02-29");
    assert_eq!(day(ms(11_017)), "2000-03-01");
    assert_eq!(day(ms(19_722)), "2023-12-31");
    assert_eq!(day(1_700_000_000_000), "2023-11-14");
}
