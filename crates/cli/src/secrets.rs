//! Keeps a password out of the list of processes.

use std::{env, ffi::OsString};

use anyhow::Context as _;
use clap::error::ContextValue;
use keyferry_sql::{Dialect, ServerAddress};

/// The variable by which this program gives itself the password of an address: the database's own clients let a file of
/// settings go before theirs.
const VARIABLE: &str = "KEYFERRY_PASSWORD_OF_ADDRESS";

/// Returns the password that stood in an address before this program ran itself anew.
pub(crate) fn of_address() -> Option<String> {
    env::var(VARIABLE).ok()
}

/// Leaves out what was given where it may be an address with a password, and cuts what is long.
pub(crate) fn without_addresses(mut error: clap::Error) -> clap::Error {
    const LONGEST: usize = 200;
    let given: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, text.clone())),
            _ => None,
        })
        .collect();
    for (kind, text) in given {
        // A user, and so perhaps a password, stands before an `@`.
        if let Some(at) = text.find("://").filter(|_| text.contains('@')) {
            let before = text.get(..at).unwrap_or_default();
            error.insert(kind, ContextValue::String(format!("{before}://…")));
        } else if let Some((end, _)) = text.char_indices().nth(LONGEST) {
            let before = text.get(..end).unwrap_or_default();
            error.insert(kind, ContextValue::String(format!("{before}…")));
        }
    }
    error
}

/// Runs the command anew without the password, where one stands in the address of a target.
///
/// Everybody on a machine can read the arguments of a process, and only its user the environment: that is where the
/// password goes. It was visible until here, a few
/// milliseconds and whatever the shell kept, so the operator is told of the better ways.
pub(crate) fn hide() -> anyhow::Result<()> {
    let mut arguments: Vec<OsString> = env::args_os().collect();
    let mut found = None;
    for index in 0..arguments.len() {
        let is_after = index > 0 && arguments.get(index - 1).is_some_and(|before| before == "--to");
        let Some(argument) = arguments.get_mut(index) else { continue };
        let Some(text) = argument.to_str() else { continue };
        let (flag, address) = match text.strip_prefix("--to=") {
            Some(address) => ("--to=", address),
            None if is_after => ("", text),
            None => continue,
        };
        if !is_of_a_server(address) {
            continue;
        }
        // Whoever reads the arguments after this would show the whole of one that is wrong, with its password.
        let address: ServerAddress = address.parse().context("the address after --to")?;
        if let Some(password) = address.password() {
            found = Some((address.dialect(), password.expose().to_owned()));
            *argument = format!("{flag}{}", address.without_password()).into();
        }
    }
    match found {
        Some((dialect, password)) => again(&arguments, dialect, &password),
        None => Ok(()),
    }
}

fn is_of_a_server(address: &str) -> bool {
    let scheme = address.split(':').next().unwrap_or_default().to_ascii_lowercase();
    ["postgres", "postgresql", "mysql", "mariadb"].contains(&scheme.as_str())
}

#[cfg(unix)]
fn again(arguments: &[OsString], dialect: Dialect, password: &str) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt as _;
    let name = if dialect == Dialect::MySql { "MYSQL_PWD" } else { "PGPASSWORD" };
    crate::output::hint(&format!(
        "a password in an address can be seen in the list of processes for a moment, and stays in the shell's history; \
         {name} or a password file is better"
    ));
    let program = env::current_exe().context("finding this program, to run it without the password")?;
    let mut command = std::process::Command::new(program);
    if let Some(name) = arguments.first() {
        command.arg0(name);
    }
    command.args(arguments.iter().skip(1)).env(VARIABLE, password);
    // It returns only where it failed.
    Err(command.exec()).context("running this program without the password")
}

#[cfg(not(unix))]
fn again(_arguments: &[OsString], _dialect: Dialect, _password: &str) -> anyhow::Result<()> {
    anyhow::bail!("leave the password out of the address, where others can see it: use the environment")
}
