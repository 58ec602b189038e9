//! The tier `browser`: the dashboard of a small running network, and the page of a renter's gateway
//! in it, in headless Chromium. Needs node, Chromium and the packages of tests/browser, each
//! brought where that is possible.

use crate::count::Counting;
use crate::error::Error;
use crate::need;
use crate::step::{Desk, Step};
use crate::tiers::contracts;

/// The steps: packages where they are missing or old, then the page.
pub(super) fn plan(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    if let Some(why) = need::node_for(desk, "browser")? {
        return Ok(vec![Step::skip("browser", why)]);
    }
    if let Some(why) = need::chromium(desk)? {
        return Ok(vec![Step::skip("browser", why)]);
    }
    let folder = desk.place.root.join("tests").join("browser");
    let script = folder.join("run.mjs").to_string_lossy().into_owned();
    let mut steps = contracts::packages(desk, &folder);
    let page = Step::program(desk.place, "node", &[&script], Counting::Tail);
    let page = page.named("pages");
    let page = page.with("PROGRAMS", &desk.place.out.join("release"));
    steps.push(page.with("SHOTS", &desk.place.out.join("browser")));
    Ok(steps)
}
