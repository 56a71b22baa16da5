//! A PostgreSQL of our own on loopback: what a user would pick instead, with one server-side function a move.

use std::error::Error;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Checks, moves and keeps a row, as a careful person would write it; locks in the order of ids, so that none waits for ever.
const SCHEMA: &str = "
create table account (id int primary key, balance numeric(39) not null check (balance >= 0));
create table move (id bigserial primary key, key uuid not null unique, payer int not null, payee int not null,
                   amount numeric(39) not null, at timestamptz not null default now());
create function make_move(k uuid, payer int, payee int, amount numeric) returns bigint language plpgsql as $$
declare made bigint;
begin
    if payer = payee or amount <= 0 then raise exception 'not a move'; end if;
    perform 1 from account where id in (payer, payee) order by id for update;
    update account set balance = balance - amount where id = payer;
    update account set balance = balance + amount where id = payee;
    insert into move (key, payer, payee, amount) values (k, payer, payee, amount) returning id into made;
    return made;
end $$;";
const ONE: &str = "\\set payer random(1, :accounts)\n\\set step random(1, :accounts - 1)\n\\set amount random(1, 1000)
select make_move(gen_random_uuid(), cast(:payer as int),
    (cast(:payer as int) + cast(:step as int) - 1) % cast(:accounts as int) + 1, cast(:amount as numeric));\n";
const BATCH: &str =
    "select count(make_move(gen_random_uuid(), payer, (payer + step - 1) % cast(:accounts as int) + 1, 5)) from (
    select floor(random() * cast(:accounts as int))::int + 1 as payer,
        floor(random() * (cast(:accounts as int) - 1))::int + 1 as step
    from generate_series(1, 1000)) as moves;\n";

pub(crate) struct Postgres {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    accounts: u32,
}

impl Postgres {
    /// Makes a cluster with the defaults of PostgreSQL, durable commits among them, and accounts that have something.
    pub(crate) fn start(folder: &Path, accounts: u32) -> Result<Self, Box<dyn Error>> {
        let bin = newest()?;
        let folder = std::path::absolute(folder)?.join("postgres");
        std::fs::create_dir_all(&folder)?;
        // PostgreSQL does not run as root; then it runs as its own user, who needs a place to write.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let own = Self { bin, folder, port, accounts };
        let data = own.folder.join("data");
        own.run(own.tool("initdb").args(["-U", "bench", "-A", "trust", "-E", "UTF8", "-D"]).arg(&data))?;
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c synchronous_commit=on -c max_wal_size=8GB"
        );
        let log = own.folder.join("log");
        own.run(
            own.tool("pg_ctl").arg("-D").arg(&data).arg("-l").arg(&log).arg("-o").arg(options).args(["-w", "start"]),
        )?;
        own.psql(SCHEMA)?;
        own.psql(&format!(
            "insert into account select n, 1e18 from generate_series(1, {accounts}) as n; vacuum analyze account;"
        ))?;
        Ok(own)
    }

    /// Moves a second, so many clients with one under way each.
    pub(crate) fn one_a_request(&self, clients: u32, seconds: u32) -> Result<f64, Box<dyn Error>> {
        self.pgbench("one", ONE, clients, seconds)
    }

    /// Statements a second, one client, a thousand moves in each.
    pub(crate) fn in_batches(&self, seconds: u32) -> Result<f64, Box<dyn Error>> {
        self.pgbench("batch", BATCH, 1, seconds)
    }

    fn pgbench(&self, name: &str, script: &str, clients: u32, seconds: u32) -> Result<f64, Box<dyn Error>> {
        let path = self.folder.join(name);
        std::fs::write(&path, script)?;
        let clients = clients.to_string();
        let mut pgbench = self.client("pgbench");
        pgbench.args(["-n", "-M", "prepared", "-j", "1", "-c", &clients, "-T", &seconds.to_string()]);
        let said = self
            .run(pgbench.arg("-D").arg(format!("accounts={}", self.accounts)).arg("-f").arg(&path).arg("postgres"))?;
        let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        tps.ok_or_else(|| format!("pgbench said: {said}").into())
    }

    fn psql(&self, sql: &str) -> Result<(), Box<dyn Error>> {
        let path = self.folder.join("sql");
        std::fs::write(&path, sql)?;
        self.run(self.client("psql").args(["-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f"]).arg(path)).map(drop)
    }

    fn client(&self, tool: &str) -> Command {
        let mut command = Command::new(self.bin.join(tool));
        command.args(["-h", "127.0.0.1", "-U", "bench", "-p", &self.port.to_string()]);
        command
    }

    fn tool(&self, tool: &str) -> Command {
        if !rustix::process::geteuid().is_root() {
            return Command::new(self.bin.join(tool));
        }
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(self.bin.join(tool));
        command
    }

    fn run(&self, command: &mut Command) -> Result<String, Box<dyn Error>> {
        // A file and no pipe: a server that a tool leaves behind would keep a pipe open.
        let path = self.folder.join("said");
        let said = std::fs::File::create(&path)?;
        let status =
            command.current_dir(&self.folder).stdin(Stdio::null()).stderr(said.try_clone()?).stdout(said).status();
        let said = std::fs::read_to_string(path)?;
        if status?.success() { Ok(said) } else { Err(format!("{command:?}: {said}").into()) }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.tool("pg_ctl");
        stop.arg("-D").arg(self.folder.join("data")).args(["-m", "immediate", "-w", "stop"]);
        let removed = self.run(&mut stop).and_then(|_| {
            // Its files may belong to its own user.
            Ok(std::fs::remove_dir_all(self.folder.join("data"))?)
        });
        if let Err(error) = removed {
            eprintln!("PostgreSQL may still run: {error}");
        }
    }
}

/// The newest of the versions that a distribution installed beside each other, or the one of the path.
fn newest() -> Result<PathBuf, Box<dyn Error>> {
    let root = Path::new("/usr/lib/postgresql");
    let mut versions: Vec<u32> = match std::fs::read_dir(root) {
        Ok(entries) => entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect(),
        Err(_) => Vec::new(),
    };
    versions.sort_unstable();
    let newest = versions.last().ok_or("there is no PostgreSQL in /usr/lib/postgresql")?;
    Ok(root.join(newest.to_string()).join("bin"))
}
