//! `inspect`: what a person wants to know before a move.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use keyferry_core::{
    Aaguid, Backup, CannotLogIn, CoseAlgorithm, Count, CredentialRecord, Each, Frequencies, Occurrences,
    Report, RpId, Standing,
};
use serde_json::{Value, json};

use crate::{
    aaguids,
    args::InspectArgs,
    describe,
    export::{Again, Checked, Export, Row},
    json,
    output::{self, columns, number},
    rejects::Rejects,
    tally::{Tally, TextTally},
    targets::{KINDS, PROFILES},
};

/// What stands for the RP ID where none is given: nothing that `inspect` says depends on it, and it is never shown.
const NO_RP_ID: &str = "rp-id.invalid";
const NOT_STATED: &str = "not stated";
/// The most providers that are listed by name.
const LISTED: usize = 12;

/// Reads an export and says what is in it; returns whether no row was refused or in conflict.
pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<bool> {
    let started = Instant::now();
    let rejects = match &args.source.rejects {
        Some(path) => Some(Rejects::prepare(path, &args.source.export)?),
        None => None,
    };
    let rp_id = match &args.rp_id {
        Some(rp_id) => rp_id.clone(),
        None => RpId::parse(NO_RP_ID)?,
    };
    let export = Export::open(&args.source, rp_id)?;
    let mut findings = Findings::default();
    let checked = export.check(&mut Each(|row: &Row| findings.add(row, Standing::First)))?;
    let mut users = checked.gate.one_file.accounts();
    if !checked.gate.one_file.is_consistent() {
        // What the rows say about each other is known only now: count again, with it.
        findings = Findings { accounts: Some(Occurrences::default()), ..Findings::default() };
        export.read_again("comparing", Again::File, |rows| {
            for row in rows {
                let standing = match &row {
                    Ok(located) => checked.gate.one_file.standing(located.location, &located.value),
                    Err(_) => Standing::First,
                };
                findings.add(&row, standing);
            }
        })?;
        users = findings.accounts.take().map_or(users, Occurrences::frequencies);
    }
    let report = &findings.report;
    if report.counts.read != checked.gate.rows || !report.counts.add_up() {
        anyhow::bail!(
            "rows are not accounted for: {:?}, {} rows in the file",
            report.counts,
            checked.gate.rows
        );
    }
    if args.source.json {
        let mut object =
            json::object("inspect", &export, &checked, None, report, started.elapsed().as_secs_f64());
        object.insert("inspect".to_owned(), findings.to_json(&export, &checked, users));
        output::json(object)?;
    } else {
        output::data(&findings.to_text(&export, &checked, users))?;
    }
    if let Some(rejects) = rejects {
        rejects.write(&export, report)?;
    }
    describe::notes(&export, &checked.notes);
    Ok(report.is_clean())
}

/// What was found in an export.
#[derive(Default)]
struct Findings {
    report: Report,
    statuses: TextTally,
    algorithms: Tally<(CoseAlgorithm, Option<usize>)>,
    backups: Tally<Option<Backup>>,
    transports: TextTally,
    formats: TextTally,
    aaguids: Tally<Option<Aaguid>>,
    /// Accounts, once for each of their credentials; where no row contradicts another, the gate counts them.
    accounts: Option<Occurrences>,
    readiness: [Readiness; KINDS],
}

/// Who could log in at one kind of target.
#[derive(Default)]
struct Readiness {
    ready: u64,
    not: BTreeMap<CannotLogIn, u64>,
}

impl Findings {
    fn add(&mut self, row: &Row, standing: Standing) {
        let located = match row {
            Ok(located) => located,
            Err(keyferry_core::DecodeError::Row(row)) => {
                self.report.fault(Count::Refused, row.location, row.faults.iter().cloned());
                return;
            }
            Err(keyferry_core::DecodeError::Stop(_)) => return,
        };
        match standing {
            Standing::First => {
                // Nothing is imported by looking at it: the legal rows are those that were left out on purpose.
                self.report.count(Count::Skipped);
                self.describe(&located.value);
            }
            Standing::Duplicate => self.report.count(Count::Duplicate),
            Standing::Conflict(fault) => self.report.fault(Count::Conflict, located.location, [fault]),
        }
    }

    fn describe(&mut self, record: &CredentialRecord) {
        self.statuses.add(record.status.as_str());
        self.algorithms.add(&(record.public_key.algorithm(), record.public_key.rsa_bits()));
        self.backups.add(&record.backup);
        match &record.transports {
            None => self.transports.add(NOT_STATED),
            Some(transports) => transports.iter().for_each(|transport| self.transports.add(transport)),
        }
        self.formats.add(record.attestation_format.as_ref().map_or(NOT_STATED, |format| format.as_str()));
        self.aaguids.add(&record.aaguid);
        if let Some(accounts) = &mut self.accounts {
            accounts.add(&record.account);
        }
        for (readiness, profile) in self.readiness.iter_mut().zip(&PROFILES) {
            match profile.log_in(record) {
                Ok(()) => readiness.ready += 1,
                Err(reason) => *readiness.not.entry(reason).or_default() += 1,
            }
        }
    }

    /// Returns the values of each column by the name under which they are shown.
    fn groups(&self) -> [(&'static str, BTreeMap<String, u64>); 5] {
        let algorithms = self.algorithms.iter().map(|((algorithm, bits), count)| {
            let name = algorithm.name().unwrap_or("unknown");
            (bits.map_or_else(|| name.to_owned(), |bits| format!("{name} {bits} bits")), count)
        });
        let backups = self.backups.iter().map(|(backup, count)| {
            let name = match backup {
                None => NOT_STATED,
                Some(Backup::SingleDevice) => "single device (BE 0)",
                Some(Backup::Eligible) => "backup eligible, not backed up (BE 1, BS 0)",
                Some(Backup::BackedUp) => "backed up (BE 1, BS 1)",
            };
            (name.to_owned(), count)
        });
        [
            ("algorithm", algorithms.collect()),
            ("attestation format", self.formats.shown()),
            ("backup", backups.collect()),
            ("status", self.statuses.shown()),
            ("transport", self.transports.shown()),
        ]
    }

    /// Returns providers by name, the most frequent first.
    fn providers(&self) -> Vec<(String, u64)> {
        let mut named: HashMap<String, u64> = HashMap::new();
        for (aaguid, count) in self.aaguids.iter() {
            let name = match aaguid {
                None => NOT_STATED.to_owned(),
                Some(aaguid) => aaguids::provider(*aaguid).map_or_else(|| aaguid.to_string(), str::to_owned),
            };
            *named.entry(name).or_default() += count;
        }
        let mut list: Vec<_> = named.into_iter().collect();
        list.sort_by(|(name, count), (other_name, other)| {
            other.cmp(count).then_with(|| name.cmp(other_name))
        });
        list
    }

    fn to_text(&self, export: &Export, checked: &Checked, users: Frequencies) -> String {
        let mut text = describe::source(export, checked);
        let counts = self.report.counts;
        text.push_str("\nrows\n");
        text.push_str(&columns(&[
            ("good".to_owned(), counts.skipped),
            ("duplicate".to_owned(), counts.duplicate),
            ("conflict".to_owned(), counts.conflict),
            ("refused".to_owned(), counts.refused),
        ]));
        for (group, values) in self.groups().into_iter().filter(|(_, values)| !values.is_empty()) {
            let mut rows: Vec<_> = values.into_iter().collect();
            rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            text.push_str(&format!("\n{group}\n{}", columns(&shortened(rows))));
        }
        text.push_str(&format!(
            "\nprovider, as claimed by the AAGUID\n{}",
            columns(&shortened(self.providers()))
        ));
        let Frequencies { values: users, several, most } = users;
        text.push_str("\nusers\n");
        text.push_str(&columns(&[
            ("users".to_owned(), users),
            ("with several credentials".to_owned(), several),
            ("most credentials of one user".to_owned(), most),
        ]));
        text.push_str("\nwho could log in where\n");
        for (readiness, profile) in self.readiness.iter().zip(&PROFILES) {
            text.push_str(&format!(
                "  {:16} {:>12} will log in   ({})\n",
                profile.name,
                number(readiness.ready),
                profile.library
            ));
            for (reason, count) in &readiness.not {
                text.push_str(&format!("  {:16} {:>12} will not: {reason}\n", "", number(*count)));
            }
        }
        text.push_str(&describe::faults(&self.report));
        text
    }

    fn to_json(&self, export: &Export, checked: &Checked, users: Frequencies) -> Value {
        let Frequencies { values: users, several, most } = users;
        let readiness: Vec<Value> = self
            .readiness
            .iter()
            .zip(&PROFILES)
            .map(|(readiness, profile)| {
                let not: Vec<Value> = readiness
                    .not
                    .iter()
                    .map(|(reason, count)| json!({"reason": reason.to_string(), "count": count}))
                    .collect();
                json!({"target": profile.name, "library": profile.library, "log_in": readiness.ready, "cannot_log_in": not})
            })
            .collect();
        let providers: Vec<Value> = self
            .providers()
            .into_iter()
            .map(|(name, count)| json!({"provider": name, "count": count}))
            .collect();
        let warnings: Vec<Value> = checked
            .notes
            .iter()
            .map(|(note, count)| json!({"code": note.as_str(), "count": count, "message": note.message()}))
            .collect();
        let [algorithm, attestation_format, backup, status, transport] =
            self.groups().map(|(_, values)| json!(values));
        json!({
            "good": self.report.counts.skipped,
            "status": status,
            "algorithm": algorithm,
            "backup": backup,
            "transport": transport,
            "attestation_format": attestation_format,
            "provider": providers,
            "users": {"count": users, "with_several_credentials": several, "most_credentials": most},
            "extra_columns": export.corbado.extra_columns(),
            "warnings": warnings,
            "readiness": readiness,
        })
    }
}

/// Keeps the first lines of a long list and adds up the rest.
fn shortened(mut rows: Vec<(String, u64)>) -> Vec<(String, u64)> {
    if rows.len() > LISTED {
        let rest: u64 = rows.drain(LISTED..).map(|(_, count)| count).sum();
        rows.push(("others".to_owned(), rest));
    }
    rows
}
