//! The page in HTML. Texts are escaped by the template; there is no inline script and no inline style.

use super::Shown;
use crate::time::rfc3339;
use crate::view::{BookView, DepositView, NetworkView, Outcome, StepView, WalletView, WithdrawalView, WorkItem};
use crate::{Money, NetworkStatus};
use maud::{DOCTYPE, Markup, html};

pub(super) fn frame(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/app.css";
                script src="/assets/app.js" defer {}
            }
            body { (content) }
        }
    }
}

pub(super) fn login(why_not: Option<&str>) -> Markup {
    frame(
        "TokEngine: sign in",
        &html! {
            main.login {
                h1 { "TokEngine" }
                form method="post" action="/login" {
                    label for="key" { "API key with page:read" }
                    input #key name="key" type="password" autocomplete="off" spellcheck="false" required autofocus
                        placeholder="tok_…";
                    @if let Some(why) = why_not { p.problem role="alert" { (why) } }
                    button type="submit" { "Show the page" }
                }
            }
        },
    )
}

pub(super) fn page(shown: &Shown, signed_in: bool) -> Markup {
    frame(
        "TokEngine",
        &html! {
            header.top {
                h1 { "TokEngine" }
                nav aria-label="Sections" {
                    a href="#work" { "Work" }
                    a href="#tokens" { "Tokens" }
                    a href="#networks" { "Networks" }
                    a href="#wallets" { "Wallets" }
                    a href="#withdrawals" { "Withdrawals" }
                    a href="#deposits" { "Deposits" }
                }
                span.live #live data-state="connecting" role="status" { "connecting" }
                @if signed_in {
                    form method="post" action="/logout" { button.quiet type="submit" { "Sign out" } }
                }
            }
            main data-live="/page/main" data-events="/page/events" { (main(shown)) }
        },
    )
}

pub(super) fn main(shown: &Shown) -> Markup {
    html! {
        p.stamp {
            "Event " b { (shown.position) } ", seen at "
            time datetime=(rfc3339(shown.at)) { (rfc3339(shown.at)) }
        }
        @if shown.paused { p.banner { "Everything is paused by the operator." } }
        @if shown.behind { p.banner { "The read model gives no answer: deposits and withdrawals are not shown." } }
        (work(&shown.work))
        (tokens(&shown.books))
        (networks(&shown.networks))
        (wallets(&shown.wallets))
        (withdrawals(&shown.withdrawals))
        (deposits(&shown.deposits))
    }
}

fn section(id: &str, title: &str, count: usize, empty: &str, content: Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby=(format!("{id}-title")) {
            h2 id=(format!("{id}-title")) { (title) " " span.count { (count) } }
            @if count == 0 { p.empty { (empty) } } @else { (content) }
        }
    }
}

fn badge(word: &str) -> Markup {
    let kind = match word {
        "available" | "committed" | "credited" | "settled" | "found" | "done" => "good",
        "halted" | "failed" | "reversed" | "stopped" | "short" | "unreachable" | "dropped" | "refused" => "bad",
        // Work: money may be lost, or a network, an asset or a wallet stands still.
        "network-halted" | "asset-stopped" | "asset-short" | "wallet-frozen" | "final-orphaned" => "bad",
        "paused" | "lagging" | "cancelled" => "warn",
        // Somebody waits, and it may end by itself.
        "recovery" | "account-owes" | "payment-unmatched" | "withdrawal-waiting" | "withdrawal-unknown"
        | "deposit-orphaned" => "warn",
        _ => "busy",
    };
    html! { span.badge data-kind=(kind) { (word) } }
}

fn amount(money: &Money) -> Markup {
    let unit = money.token.as_deref().or(money.asset.as_deref()).unwrap_or_default();
    let short = unit.rsplit('/').next().unwrap_or(unit);
    html! { span.amount title=(format!("{} base units of {unit}", money.base_units)) {
        (money.decimal) " " span.unit { (shorten(short)) }
    } }
}

/// Long hashes and addresses in the middle cut; the whole text is in the title.
fn shorten(text: &str) -> String {
    let (head, tail) = match text.rsplit_once(':') {
        Some((head, tail)) => (format!("{head}:"), tail),
        None => (String::new(), text),
    };
    if tail.len() <= 16 || !tail.is_ascii() {
        return text.to_owned();
    }
    format!("{head}{}…{}", &tail[..8], &tail[tail.len() - 6..])
}

fn id(text: &str) -> Markup {
    html! { code title=(text) { (shorten(text)) } }
}

fn work(list: &[WorkItem]) -> Markup {
    section(
        "work",
        "Work that needs a person",
        list.len(),
        "Nothing does.",
        html! {
            ul.work { @for item in list {
                li {
                    (badge(&item.kind)) " " (id(&item.subject)) " " span { (item.detail) }
                    @if let Some(since) = &item.since { " " time datetime=(since) { "since " (since) } }
                    p.action { (item.action) }
                }
            } }
        },
    )
}

fn tokens(books: &[BookView]) -> Markup {
    section(
        "tokens",
        "Tokens",
        books.len(),
        "No token is listed.",
        html! {
            div.cards { @for book in books {
                article {
                    h3 { (book.token) " " @if book.balanced { (badge("available")) } @else { span.badge data-kind="bad" { "does not balance" } } }
                    div.scales {
                        div { span.label { "Liabilities" } (amount(&book.liabilities)) }
                        div { span.label { "Holdings" } (amount(&book.holdings)) }
                    }
                    meter min="0" max=(book.holdings.base_units) value=(book.liabilities.base_units)
                        title="Liabilities as a part of holdings" {}
                    dl {
                        dt { "Free" } dd { (amount(&book.free)) }
                        dt { "Held" } dd { (amount(&book.held)) }
                        dt { "Suspense" } dd { (amount(&book.suspense)) }
                        dt { "Fees" } dd { (amount(&book.fees)) }
                        dt { "Equity in" } dd { (amount(&book.equity_in)) }
                        dt { "Equity out" } dd { (amount(&book.equity_out)) }
                    }
                }
            } }
        },
    )
}

fn networks(list: &[(NetworkView, Option<NetworkStatus>)]) -> Markup {
    let height = |height: Option<u64>| height.map_or("–".to_owned(), |height| height.to_string());
    section(
        "networks",
        "Networks",
        list.len(),
        "No network is listed.",
        html! {
            div.cards { @for (network, seen) in list {
                article {
                    h3 { (id(&network.id)) " " (badge(&network.status)) }
                    @if let Some(halted) = &network.halted { p.problem { (halted.text()) } }
                    @if let Some(error) = seen.as_ref().and_then(|seen| seen.error.as_ref()) { p.problem { (error) } }
                    dl {
                        dt { "Head" } dd { (height(network.head)) }
                        dt { "Scanned" } dd { (height(network.scanned)) }
                        dt { "Lag" } dd { (network.lag_blocks.map_or("–".to_owned(), |lag| format!("{lag} blocks"))) }
                        dt { "Safe" } dd { (height(network.safe)) }
                        dt { "Finalized" } dd { (height(network.finalized)) }
                        dt { "Nodes" } dd { (network.nodes.up) " of " (network.nodes.configured) " up, " (network.nodes.required) " needed" }
                    }
                    @if let Some(seen) = seen {
                        ul.nodes { @for node in &seen.nodes {
                            li {
                                span.dot data-up=(node.up) {} " " (node.name) " "
                                span.unit { (height(node.head)) }
                                @if let Some(error) = &node.error { " " span.problem { (error) } }
                            }
                        } }
                    }
                }
            } }
        },
    )
}

fn wallets(list: &[WalletView]) -> Markup {
    section(
        "wallets",
        "Wallets",
        list.len(),
        "No wallet is listed.",
        html! {
            table {
                thead { tr { th { "Wallet" } th { "Role" } th { "Holdings" } th { "Reserved" } } }
                tbody { @for wallet in list { tr {
                    td data-label="Wallet" {
                        (id(&wallet.address))
                        @if !wallet.ready { " " (badge("starting")) }
                        @if let Some(frozen) = &wallet.frozen { p.problem { "frozen: " (frozen.text()) } }
                    }
                    td data-label="Role" { (wallet.role) }
                    td data-label="Holdings" {
                        @if wallet.holdings.is_empty() { "–" }
                        @for holding in &wallet.holdings { div { (amount(&holding.amount)) } }
                    }
                    td data-label="Reserved" {
                        @if wallet.holdings.is_empty() { "–" }
                        @for holding in &wallet.holdings { div { (amount(&holding.reserved)) } }
                    }
                } } }
            }
        },
    )
}

fn steps(steps: &[StepView]) -> Markup {
    html! {
        ol.steps { @for step in steps {
            li {
                time datetime=(step.at) { (step.at) } " " b { (step.status) }
                @if let Some(detail) = &step.detail { " " span { (detail) } }
                " " span.unit { "event " (step.position) }
            }
        } }
    }
}

fn outcome(outcome: Outcome) -> Markup {
    let (word, kind) = match outcome {
        Outcome::Done => ("done", "good"),
        Outcome::NotDone => ("not done", "warn"),
        Outcome::Unknown => ("unknown", "busy"),
    };
    html! { span.badge data-kind=(kind) { (word) } }
}

fn withdrawals(list: &[WithdrawalView]) -> Markup {
    section(
        "withdrawals",
        "Withdrawals",
        list.len(),
        "There was none yet.",
        html! {
            div.rows { @for row in list {
                details id=(format!("w-{}", row.id)) {
                    summary {
                        span.main { (amount(&row.amount)) " to " (id(&row.destination)) }
                        span.state { (badge(&row.status)) @if let Some(sub) = &row.sub_status { " " span.sub { (sub) } } }
                    }
                    dl {
                        dt { "Id" } dd { (id(&row.id)) }
                        dt { "Account" } dd { (id(&row.account)) }
                        dt { "Network" } dd { (row.network) }
                        dt { "Outcome" } dd {
                            (outcome(row.outcome))
                            @if let Some(until) = &row.unknown_until { " until about " (until) }
                            @if let Some(proof) = &row.proof { " " (proof.detail)
                                @if let Some(tx) = &proof.transaction { " " (id(tx)) }
                            }
                        }
                        dt { "Held" } dd { (amount(&row.held)) }
                        @if let Some(fee) = &row.fee_taken { dt { "Fee taken" } dd { (amount(fee)) } }
                        @if !row.attempts.is_empty() {
                            dt { "Signed" } dd { @for attempt in &row.attempts { div { (id(&attempt.transaction)) " " span.unit { (attempt.kind) } } } }
                        }
                    }
                    (steps(&row.history))
                }
            } }
        },
    )
}

fn deposits(list: &[DepositView]) -> Markup {
    section(
        "deposits",
        "Deposits",
        list.len(),
        "There was none yet.",
        html! {
            div.rows { @for row in list {
                details id=(format!("d-{}", row.id)) {
                    summary {
                        span.main { (amount(&row.amount)) " from " (id(&row.sender)) }
                        span.state { (badge(&row.status)) @if let Some(sub) = &row.sub_status { " " span.sub { (sub) } } }
                    }
                    dl {
                        dt { "Id" } dd { (id(&row.id)) }
                        dt { "Account" } dd { @match &row.account { Some(account) => (id(account)), None => "–" } }
                        dt { "Wallet" } dd { (id(&row.wallet)) }
                        dt { "Transaction" } dd { (id(&row.transaction)) }
                        dt { "Block" } dd { (row.block.height) }
                        @if let Some(credited) = &row.credited { dt { "Credited" } dd { (amount(credited)) } }
                    }
                    (steps(&row.history))
                }
            } }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ids_are_cut_in_the_middle_and_short_ones_are_whole() {
        assert_eq!(shorten("eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb"), "eip155:1:0xab16a9…5Bfcdb");
        assert_eq!(shorten("treasury"), "treasury");
        assert_eq!(shorten("eip155:31337"), "eip155:31337");
    }
}
