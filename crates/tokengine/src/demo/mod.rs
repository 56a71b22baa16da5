//! `demo`: the engine as `serve` runs it, on two networks of its own, with customers, an accident and a proof.

mod proof;
mod say;
mod script;
mod world;

use crate::cli::DemoArgs;
use crate::client::Client;
use crate::command::add_api_key;
use crate::exit::{Exit, Failure};
use crate::out::Out;
use crate::serve::{App, Signals, Stages};
use say::Say;
use script::Script;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokengine_api::Scopes;
use tokengine_keys::{Secret, api_key::ApiKeySecret, random_bytes};
use tokengine_testkit::{Peer, TempDir, install, print_progress};
use world::World;

/// Plays the demo, and stays unless it is told to leave.
pub(crate) fn run(args: &DemoArgs, out: Out) -> Result<(), Failure> {
    let network = |error: tokengine_testkit::Error| Failure::new(Exit::Failed, "demo-network", error.to_string());
    // What a newcomer has not got is fetched first, once; the time that takes is not the demo's.
    install(Peer::DEMO, &mut print_progress()).map_err(network)?;
    let place = Place::new(args.data.as_deref())?;
    crate::serve::quiet(&place.path.join("demo.log"))?;
    crate::serve::runtime()?.block_on(async {
        let mut signals = Signals::new()?;
        let played = tokio::select! {
            played = play(args, &place.path, out) => played,
            name = signals.next() => Err(Failure::new(Exit::Failed, "stopped", format!("stopped by {name}"))),
        };
        let (app, world, say) = played.map_err(|mut failure| {
            failure.details.push(format!("the log of the engine: {}", place.log()));
            failure
        })?;
        if !args.exit {
            stay(&app, &world, &say, &place);
            if out.json {
                let (page, health) = (format!("http://{}/", app.doors()), format!("http://{}", app.health()));
                out.tell("", &json!({ "page": page, "health": health, "data": place.path }));
            }
            signals.next().await;
        }
        signals.insist();
        app.stop().await?;
        // Once more, when nothing runs: what is on disk is all there is.
        let data = world.folder.join("data");
        crate::serve::blocking(move || crate::command::journal::prove(&data, None, Out { json: true })).await??;
        say.done("stopped in order; the journal is whole and the books balance");
        if out.json {
            out.tell("", &json!({ "ok": true, "steps": say.all() }));
        }
        Ok(())
    })
}

/// A folder for everything, gone in the end unless the user named it.
struct Place {
    path: PathBuf,
    kept: bool,
    _temporary: Option<TempDir>,
}

impl Place {
    fn new(wanted: Option<&Path>) -> Result<Self, Failure> {
        let Some(wanted) = wanted else {
            let temporary = tempfile::Builder::new().prefix("tokengine-demo-").tempdir();
            let temporary = temporary.map_err(|error| Failure::system("a temporary folder", error))?;
            return Ok(Self { path: temporary.path().to_owned(), kept: false, _temporary: Some(temporary) });
        };
        let failed = |error: std::io::Error| Failure::system(wanted.display(), error);
        std::fs::create_dir_all(wanted).map_err(failed)?;
        if std::fs::read_dir(wanted).map_err(failed)?.next().is_some() {
            return Err(Failure::usage(format!("--data: {} is not empty", wanted.display())));
        }
        let path = std::path::absolute(wanted).map_err(failed)?;
        Ok(Self { path, kept: true, _temporary: None })
    }

    /// The log, or its end where the folder is about to go.
    fn log(&self) -> String {
        let path = self.path.join("demo.log");
        if self.kept {
            return path.display().to_string();
        }
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        format!("\n{}", lines[lines.len().saturating_sub(30)..].join("\n"))
    }
}

async fn play(args: &DemoArgs, folder: &Path, out: Out) -> Result<(App, World, Say), Failure> {
    let say = Say::new(out);
    say.chapter("Two networks, one engine");
    let doing = say.doing("two EVM nodes start, and contracts are deployed");
    let world = World::start(folder)?;
    drop(doing);
    say.done("Slow (a block every 2 s, USDX with 6 decimals) and Fast (a block at once, USDX with 18) are up");

    let doing = say.doing("the engine starts");
    let listen = args.listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let (config, keys) = world.configure(listen)?;
    let secret = ApiKeySecret::generate(&Secret::new(random_bytes()?));
    tokio::task::block_in_place(|| add_api_key(&config, "demo", &secret, Scopes::all()))?;
    crate::command::write_secret(&folder.join(KEY_FILE), &secret.reveal())?;
    let app = App::start(config, keys, Arc::new(Stages::default()), Out { json: true }).await?;
    drop(doing);
    say.done(&format!("the engine is up: http://{}", app.doors()));
    let client = Client::new(&format!("http://{}", app.doors()), Some(secret.reveal()))?;

    let script = Script { world: &world, client: &client, say: &say };
    script.fund().await?;
    say.chapter("Deposits");
    script.deposits().await?;
    say.chapter("A transfer across");
    script.transfer().await?;
    say.chapter("Withdrawals, both ways");
    script.withdrawals().await?;
    say.chapter("What can go wrong");
    script.revert().await?;
    script.reorg().await?;
    say.chapter("The proof");
    proof::prove(&world, &client, &app, &say).await?;
    Ok((app, world, say))
}

/// Where the demo leaves its API key, for who wants to try more.
const KEY_FILE: &str = "secrets/api-key";

fn stay(app: &App, world: &World, say: &Say, place: &Place) {
    say.chapter(&format!("All of it held, in {:.0} seconds. It stays up until you press Ctrl-C.", say.seconds()));
    say.note(&format!("page      http://{}/", app.doors()));
    say.note(&format!("REST      http://{}/v1/openapi.json", app.doors()));
    say.note(&format!("metrics   http://{}/metrics", app.health()));
    say.note(&format!("data      {}", place.path.display()));
    let (key, url) = (place.path.join(KEY_FILE), format!("http://{}", app.doors()));
    let account = format!("{}:{}", world.slow.id, world.alice.address);
    say.note(&format!("try       tokengine history {account} --url {url} --api-key-file {}", key.display()));
}
