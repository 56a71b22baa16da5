//! The operator's page in a real browser, with content, on a phone and on a screen.

use serde_json::json;
use tokengine_testkit::Browser;

use crate::world::{DOLLAR6, Order, Setup, World};

const LOOK: &str = "module.exports = async ({ page, args, problems }) => {
    await page.setViewportSize({ width: args.width, height: args.height });
    await page.goto(args.url);
    await page.waitForSelector('#live[data-state=\"live\"]');
    const text = await page.innerText('body');
    // A reason may hold a hash, which is one word.
    await page.evaluate(`document.querySelector('.work li > span:not(.badge)').textContent = 'it was 0x' + 'ab'.repeat(32)`);
    const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    const picture = await page.screenshot({ fullPage: true });
    return { text, wide, bytes: picture.length, problems };
};";

#[test]
fn the_page_shows_what_there_is_on_a_phone_and_on_a_screen() {
    let world = World::running(Setup::two());
    world.deposited(0, 1, "usd", 1_234 * DOLLAR6);
    let order = Order { customer: 1, home: 0, net: 1, token: "usd", amount: 21 * world.unit(1), to: world.nobody(1) };
    let id = world.withdraw(&order);
    world.until_status(&id, "committed");
    // A payment that nobody announced is work for a person.
    let house = world.nodes[0].accounts()[0].clone();
    world.nodes[0].send(&house, &world.gas(0), 1_000_000).expect("sent");
    world.until("it lies in suspense", |world| world.get("/v1/operator/suspense")["items"][0]["id"].is_string());
    let browser = Browser::any().expect("there is one");
    for (width, height) in [(390, 844), (1440, 900)] {
        let args = json!({"url": world.doors(), "width": width, "height": height});
        let seen = browser.run_source(LOOK, &args).expect("it is drawn");
        assert_eq!(seen["problems"], json!([]), "{width}: nothing on the console");
        assert_eq!(seen["wide"], 0, "{width}: nothing sticks out");
        assert!(seen["bytes"].as_u64().is_some_and(|bytes| bytes > 10_000), "{width}: it is not empty");
        let text = seen["text"].as_str().expect("a text").to_lowercase();
        for word in [
            "networks",
            "tokens",
            "wallets",
            "deposits",
            "withdrawals",
            "eip155:31337",
            "eip155:31338",
            "usd",
            "1234",
            "21",
        ] {
            assert!(text.contains(word), "{width}: no {word} in {text}");
        }
        assert!(text.contains("credited") && text.contains("committed"), "{width}: {text}");
    }
}

#[test]
fn the_page_is_shown_to_nobody_without_a_key() {
    let mut world = World::new(Setup { page: "login", ..Setup::one() });
    world.start();
    let client = world.client().with_key(None);
    for path in ["/", "/page/main", "/page/events"] {
        let answer = world.rt.block_on(client.get(path)).expect("answered");
        assert!(!answer.text.contains("eip155:31337"), "{path}: {}", answer.text);
    }
}
