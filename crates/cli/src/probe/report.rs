//! What a probe says, as text and as JSON.

use keyferry_core::{Location, RpId, Shown};
use serde_json::{Map, Value, json};

use super::RpIdFound;
use crate::{
    args::{Account, ProbeArgs},
    describe,
    export::{Checked, Export},
    json::hex,
    user_handles::Fit,
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Passed,
    Open,
    Failed,
}

impl Mark {
    fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Open => "open",
            Self::Failed => "failed",
        }
    }
}

pub(super) struct Check {
    /// The step of section 7.2; `None` for what only an import needs.
    step: Option<u8>,
    name: &'static str,
    mark: Mark,
    pub(super) reason: String,
    message: String,
}

/// What is said about the login.
#[derive(Default)]
pub(super) struct Probe {
    pub(super) row: Option<Location>,
    pub(super) status: Option<String>,
    pub(super) algorithm: Option<String>,
    pub(super) handle: Option<Fit>,
    pub(super) has_handle: bool,
    pub(super) checks: Vec<Check>,
}

impl Probe {
    pub(super) fn add(
        &mut self,
        step: Option<u8>,
        name: &'static str,
        mark: Mark,
        reason: &str,
        message: impl Into<String>,
    ) {
        let (reason, message) = (reason.to_owned(), message.into());
        self.checks.push(Check { step, name, mark, reason, message });
    }

    pub(super) fn fits(&self) -> bool {
        self.checks.iter().all(|check| check.mark != Mark::Failed)
    }

    /// The arguments to import with, where nothing but the arguments themselves was wrong.
    pub(super) fn arguments(&self, args: &ProbeArgs, rp_id: &RpIdFound) -> Option<String> {
        // A wrong --rp-id takes the origin with it, and the others say nothing against RP ID and handle.
        let mended =
            ["rp-id-differs", "origin-outside-rp-id", "user-handle-encoded", "sign-count-not-greater"];
        let is_mended = |check: &Check| {
            check.mark != Mark::Failed || check.name == "status" || mended.contains(&check.reason.as_str())
        };
        let rp_id = rp_id.signed.as_ref().filter(|_| self.checks.iter().all(is_mended))?;
        let account = match args.account {
            Account::ExternalUserId => "",
            Account::UserId => " --account user-id",
        };
        let handle = self.handle.as_ref().and_then(Fit::flag).unwrap_or("none");
        Some(format!("--rp-id {rp_id} --user-handle {handle}{account}"))
    }

    pub(super) fn to_text(
        &self,
        export: &Export,
        checked: &Checked,
        args: &ProbeArgs,
        arguments: Option<&str>,
    ) -> String {
        let mut text = describe::source(export, checked);
        let name = Shown(&args.assertion.to_string_lossy()).to_string();
        let algorithm = self.algorithm.as_deref().map(|name| format!(", {name}")).unwrap_or_default();
        text.push_str(&format!("\nprobe with {name}{algorithm}\n"));
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        for check in &self.checks {
            let code = if check.reason.is_empty() { String::new() } else { format!(" [{}]", check.reason) };
            text.push_str(&format!(
                "  {:6}  {:width$}  {}{code}\n",
                check.mark.as_str(),
                check.name,
                check.message
            ));
        }
        text.push('\n');
        match (self.fits(), arguments) {
            (true, Some(arguments)) if !self.has_handle => {
                text.push_str(&format!(
                    "import with {arguments}, unless a login with a user handle tells more\n"
                ));
            }
            (true, Some(arguments)) => text.push_str(&format!("import with {arguments}\n")),
            (false, Some(arguments)) => {
                text.push_str(&format!("after a look at what failed, import with {arguments}\n"));
            }
            (_, None) => text.push_str("do not import before what failed is understood\n"),
        }
        text
    }

    pub(super) fn to_json(
        &self,
        export: &Export,
        checked: &Checked,
        rows_found: u64,
        rp_id: Option<&RpId>,
        arguments: Option<&str>,
        seconds: f64,
    ) -> Map<String, Value> {
        let checks: Vec<Value> = self
            .checks
            .iter()
            .map(|check| {
                let reason = (!check.reason.is_empty()).then_some(&check.reason);
                json!({
                    "step": check.step,
                    "check": check.name,
                    "outcome": check.mark.as_str(),
                    "reason": reason,
                    "message": check.message,
                })
            })
            .collect();
        let (rules, encoding) = match &self.handle {
            Some(fit) => (json!(fit.rules), json!(fit.encodings)),
            None => (json!([]), json!([])),
        };
        let object = json!({
            "command": "probe",
            "source": {
                "file": export.file().name(),
                "rows": checked.gate.rows,
                "crc64nvme": checked.digests.crc64nvme.to_string(),
                "sha256": hex(&checked.digests.sha256),
            },
            "row": self.row.map(|location| json!({"row": location.row, "line": location.line})),
            "rows_found": rows_found,
            "status": self.status,
            "algorithm": self.algorithm,
            "rp_id": rp_id.map(RpId::as_str),
            "user_handle": {"present": self.has_handle, "rules": rules, "encoding": encoding},
            "checks": checks,
            "fits": self.fits(),
            "arguments": arguments,
            "seconds": (seconds * 1000.0).round() / 1000.0,
        });
        match object {
            Value::Object(object) => object,
            _ => Map::new(),
        }
    }
}
