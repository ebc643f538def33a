//! How does my server load the imported passkeys and log a user in?
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::{collections::HashMap, error::Error};

use keyferry_core::{Authority, CredentialRecord, Located, Location, Report, Sink as _, apply};
use keyferry_json::JsonSink;
use keyferry_testkit::records;
use keyferry_webauthn_rs::{WebauthnRs, WebauthnRsRecord};
use webauthn_rs::{
    WebauthnBuilder,
    prelude::{Passkey, Url},
};

#[path = "support/browser.rs"]
mod browser;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("passkeys.json");
    let record = records::record(1);
    let user = record.account.as_str().to_owned();
    import(&path, &record)?;

    // The server's side: load the file, find the user's passkeys, start a login.
    let file = std::fs::File::open(&path)?;
    let mut accounts: HashMap<String, Vec<WebauthnRsRecord>> = serde_json::from_reader(file)?;
    let records = accounts.remove(&user).ok_or("no such account")?;
    let passkeys: Vec<Passkey> = records.into_iter().map(|record| record.passkey).collect();
    let origin = Url::parse("https://example.com")?;
    let server = WebauthnBuilder::new("example.com", &origin)?.build()?;
    let (options, state) = server.start_passkey_authentication(&passkeys)?;

    let response = browser::sign(&record, serde_json::to_value(options)?)?;

    let result = server.finish_passkey_authentication(&response, &state)?;
    println!("logged in, new sign count {}", result.counter());
    Ok(())
}

fn import(path: &std::path::Path, record: &CredentialRecord) -> Result<(), Box<dyn Error>> {
    let mut sink = JsonSink::<WebauthnRs>::open_for_writing(path)?;
    let batch = [Located { location: Location { row: 1, line: 2 }, value: record.clone() }];
    apply(&mut sink, &batch, Authority::Export, &mut Report::default())?;
    sink.finish()?;
    Ok(())
}
