//! Passwords: each way to give one, and none of them ever shown.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, process::Command};

use keyferry_testkit::servers::Kind;

use crate::{
    exports::{csv, rows},
    site::{Rights, Site, encoded},
    support::Outcome,
};

on_both!(
    each_way_to_give_one,
    a_wrong_one_and_none,
    no_failure_shows_it,
    the_list_of_processes_does_not_show_it
);

/// What must never be shown, with everything in it that a URL has to encode.
const CANARY: &str = "canary/p@ss:w#rd?100%&ü";

/// The command in an environment without settings of a database's clients.
fn command(site: &Site) -> Command {
    let mut command = site.folder.command();
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy();
        if ["PG", "MYSQL", "MARIADB"].iter().any(|prefix| shown.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command.env("HOME", site.folder.path(""));
    command
}

fn run(mut command: Command, verb: &str, url: &str) -> Outcome {
    let args = format!("{verb} export.csv --rp-id example.com --to {url} --json --rejects rejects.csv");
    silent(Outcome::of(verb, command.args(args.split_whitespace()).output().unwrap()))
}

/// Demands that neither output shows the password, in whatever spelling.
fn silent(outcome: Outcome) -> Outcome {
    for spelling in [CANARY, &encoded(CANARY), "canary", "p@ss", "w#rd", "p%40ss", "100%"] {
        let is_told = outcome.stdout.contains(spelling) || outcome.stderr.contains(spelling);
        assert!(!is_told, "{spelling} in\n{}{}", outcome.stdout, outcome.stderr);
    }
    outcome
}

fn write(site: &Site, name: &str, text: &str, mode: u32) {
    site.folder.write(name, text);
    fs::set_permissions(site.folder.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

fn site(kind: Kind) -> Option<(Site, String)> {
    let site = Site::with(kind, csv(&rows(4)))?;
    site.make_table();
    let (role, _) = site.role(CANARY, Rights::Write);
    Some((site, role))
}

fn variable(kind: Kind) -> &'static str {
    if kind == Kind::Postgres { "PGPASSWORD" } else { "MYSQL_PWD" }
}

fn each_way_to_give_one(kind: Kind) {
    let Some((site, role)) = site(kind) else { return };
    let bare = site.url_as(&role);
    let whole = site.url_as(&format!("{role}:{}", encoded(CANARY)));
    // With the variables of the environment that a run gets beside the usual ones.
    let goes = |variables: &[(&str, &str)], url: &str| {
        for verb in ["plan", "import", "verify"] {
            let mut command = command(&site);
            command.envs(variables.iter().copied());
            run(command, verb, url).expect(0);
        }
    };
    goes(&[], &whole);
    goes(&[(variable(kind), CANARY)], &bare);
    let quoted = CANARY.replace('\\', "\\\\").replace(':', "\\:");
    let (file, text, other) = match kind {
        Kind::Postgres => (".pgpass", format!("*:*:*:{role}:{quoted}\n"), "*:*:*:*:wrong\n".to_owned()),
        Kind::MySql => {
            (".my.cnf", format!("[client]\npassword=\"{CANARY}\"\n"), "[client]\npassword=wrong\n".to_owned())
        }
    };
    write(&site, file, &text, 0o600);
    goes(&[], &bare);
    if kind == Kind::Postgres {
        fs::rename(site.folder.path(file), site.folder.path("elsewhere")).unwrap();
        goes(&[("PGPASSFILE", &site.folder.path("elsewhere").to_string_lossy())], &bare);
    }
    // The one in the URL goes before what stands anywhere else.
    write(&site, file, &other, 0o600);
    goes(&[], &whole);
    goes(&[(variable(kind), "wrong")], &whole);
}

fn a_wrong_one_and_none(kind: Kind) {
    let Some((site, role)) = site(kind) else { return };
    for verb in ["plan", "import", "verify"] {
        let bare = site.url_as(&role);
        for url in [&bare, &site.url_as(&format!("{role}:wrong")), &site.url_as(&format!("{role}_x:wrong"))] {
            let told = run(command(&site), verb, url).expect_stopped().stderr;
            assert!(told.contains("password") || told.contains("denied"), "{told}");
        }
    }
    if kind == Kind::Postgres {
        // As PostgreSQL's own clients do, a file that others can read is not read.
        write(&site, ".pgpass", &format!("*:*:*:*:{}\n", CANARY.replace(':', "\\:")), 0o644);
        let told = run(command(&site), "import", &site.url_as(&role)).expect_stopped().stderr;
        assert!(told.contains(".pgpass"), "{told}");
    }
    assert_eq!(site.rows(), 0);
}

fn no_failure_shows_it(kind: Kind) {
    let Some((site, role)) = site(kind) else { return };
    let login = format!("{role}:{}", encoded(CANARY));
    let good = site.url_as(&login);
    let (port, database) = (site.server.port(), site.database());
    let tls = if kind == Kind::Postgres {
        "sslmode=verify-full&sslrootcert"
    } else {
        "ssl-mode=VERIFY_IDENTITY&ssl-ca"
    };
    let urls = [
        good.replace("127.0.0.1", "no-such-host.invalid"),
        good.replace(&format!(":{port}"), ":1"),
        good.replace(database, "no_such_database"),
        format!("{good}?{tls}=export.csv"),
        format!("{good}?{tls}=missing.pem"),
        format!("{good}?no_such_parameter=1"),
        format!("{good}?connect_timeout=x"),
        good.replace(&encoded(CANARY), "canary/p@ss:w#rd?100%&"),
        good.replace(&encoded(CANARY), "canary%zz"),
        good.replace(&role, &format!("{role}x")),
    ];
    for url in &urls {
        for verb in ["plan", "import", "verify"] {
            run(command(&site), verb, url).expect_stopped();
        }
    }
    // A row that is rejected, and its file.
    let mut spoilt = rows(4);
    spoilt[2].backup_state = "maybe".to_owned();
    site.folder.write("export.csv", csv(&spoilt));
    run(command(&site), "import", &good).expect(1);
    assert!(!site.folder.text("rejects.csv").contains("canary"));
    run(command(&site), "no-such-verb", &good).expect_stopped();
    for arguments in
        [vec!["import", "export.csv", &good], vec!["plan", "--from", &good], vec!["import", "--rp-id", &good]]
    {
        silent(Outcome::of("", command(&site).args(arguments).output().unwrap()).expect_stopped());
    }
    // A server that is gone.
    if let Some(dead) = Site::alone(kind) {
        dead.server.kill();
        run(command(&site), "import", &dead.url_as(&login)).expect_stopped();
    }
}

fn the_list_of_processes_does_not_show_it(kind: Kind) {
    let Some((site, role)) = site(kind) else { return };
    let whole = site.url_as(&format!("{role}:{}", encoded(CANARY)));
    let mut child = site.waiting(&mut command(&site), &whole, "");
    if let Ok(arguments) = fs::read(format!("/proc/{}/cmdline", child.id())) {
        let arguments = String::from_utf8(arguments).unwrap();
        assert!(arguments.contains(&role) && arguments.contains("example.com"), "{arguments}");
        assert!(!arguments.contains("canary"), "{arguments}");
    } else {
        eprintln!("left out: there is no /proc");
    }
    child.stdin.take().unwrap().write_all(csv(&rows(4)).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(silent(Outcome::of("import -", output)).expect(0).counts(), "read 4, inserted 4");
}
