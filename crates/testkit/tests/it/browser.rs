//! A real browser shows a page, and what goes wrong on it is told.

use std::fs;

use serde_json::json;
use tokengine_testkit::{Browser, Error, TempDir};

const PAGE: &str = "data:text/html,<title>Books</title><body style='background:rgb(0,128,0)'><h1>balanced</h1>\
    <button onclick='this.textContent=1%2B1'>add</button><script>console.error('odd')</script>";

/// The width and height that a PNG file says it has.
fn png_size(bytes: &[u8]) -> (u32, u32) {
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "no PNG");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    (number(16), number(20))
}

fn works(browser: &Browser) {
    let folder = TempDir::new().expect("a folder");
    let picture = folder.path().join("page.png");
    browser.screenshot(PAGE, 320, 200, &picture).expect("is drawn");
    assert_eq!(png_size(&fs::read(&picture).expect("is there")), (320, 200));

    let script = folder.path().join("press.cjs");
    let source = "module.exports = async ({ page, args, problems }) => {
        await page.goto(args.url);
        await page.click('button');
        const [r, g, b] = [0, 128, 0];
        console.log('not part of the answer');
        return {
            title: await page.title(),
            pressed: await page.textContent('button'),
            colour: await page.evaluate('getComputedStyle(document.body).backgroundColor') === `rgb(${r}, ${g}, ${b})`,
            problems,
        };
    };";
    fs::write(&script, source).expect("is written");
    let answer = browser.run_script(&script, &json!({"url": PAGE})).expect("runs");
    assert_eq!(answer, json!({"title": "Books", "pressed": "2", "colour": true, "problems": ["console: odd"]}));
}

#[test]
fn any_browser_draws_a_page_and_runs_a_script() {
    works(&Browser::any().expect("there is one"));
}

/// What a machine without a browser gets. It is built for this platform only.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn the_packaged_browser_draws_a_page_and_runs_a_script() {
    works(&Browser::packaged().expect("is installed"));
}

#[test]
fn what_a_script_throws_is_told() {
    let browser = Browser::any().expect("there is one");
    let source = "module.exports = async () => { throw new Error('no such button'); };";
    match browser.run_source(source, &json!({})) {
        Err(Error::Script(said)) => assert!(said.contains("no such button"), "{said}"),
        other => panic!("expected an error of the script, got {other:?}"),
    }
}
