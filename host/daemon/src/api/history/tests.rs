//! Goal: a chart never hides the worst minute of a step. Method: points made by hand.

use super::*;

fn point(minute: u64, level: Option<u32>, left: Option<u32>) -> Point {
    let mut point = Point {
        minute,
        ..Point::default()
    };
    point.values[0] = level;
    point.values[2] = left;
    point
}

#[test]
fn a_step_tells_its_worst_values_and_keeps_gaps() {
    let points = [
        point(100, Some(0), Some(900)),
        point(101, Some(3), None),
        point(104, Some(1), Some(40)),
        point(105, None, Some(50)),
        point(112, None, None),
    ];
    let said = thinned(&points, 100, 120, 5);
    assert_eq!(said.minutes, [100, 105, 110]);
    assert_eq!(said.values[0], [Some(3), None, None]);
    assert_eq!(said.values[2], [Some(40), Some(50), None]);
    assert!(said.values.iter().all(|column| column.len() == 3));
}

#[test]
fn a_step_of_one_minute_tells_every_point() {
    let points = [point(7, Some(1), None), point(8, Some(0), None)];
    let said = thinned(&points, 0, 10, 1);
    assert_eq!(said.minutes, [7, 8]);
    assert_eq!(said.values[0], [Some(1), Some(0)]);
}
