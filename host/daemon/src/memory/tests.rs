//! Pressure that rises is heard, and the task ends when it is told to.

use super::*;
use crate::supervise::Tasks;

#[tokio::test]
async fn the_task_hears_pressure_and_ends_when_told() {
    let mut tasks = Tasks::default();
    let (sender, level) = watch::channel(Pressure::Calm);
    tasks.spawn("memory", keep(level, tasks.stopping()));
    for level in [Pressure::Trim, Pressure::Shed, Pressure::Calm] {
        sender.send(level).expect("heard");
    }
    let ended = tokio::time::timeout(Duration::from_secs(60), tasks.stop()).await;
    assert!(ended.is_ok());
}

#[tokio::test]
async fn the_task_ends_when_nobody_tells_of_pressure_any_more() {
    let tasks = Tasks::default();
    let (sender, level) = watch::channel(Pressure::Calm);
    drop(sender);
    let ended = tokio::time::timeout(Duration::from_secs(60), keep(level, tasks.stopping())).await;
    assert!(ended.is_ok());
}
