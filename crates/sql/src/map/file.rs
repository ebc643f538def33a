//! Maps as TOML files.

use std::{collections::BTreeMap, fs, path::Path};

use keyferry_core::{CoseAlgorithm, Item, Shown};
use serde::Deserialize;

use super::{
    AccountTable, Column, Companion, Content, Encoding, Field, Key, Member, Needs, RsaExponent, TableMap,
    check::{check, is_item},
    words::{fits, may_change, read_constant, read_derived, read_encoding, usual},
};
use crate::{Dialect, NameError, TableName, name};

/// The maps that come with keyferry: name and TOML text.
pub const SHIPPED: &[(&str, &str)] = &[
    ("aspnet-identity", include_str!("../../maps/aspnet-identity.toml")),
    ("authjs", include_str!("../../maps/authjs.toml")),
    ("better-auth", include_str!("../../maps/better-auth.toml")),
    ("devise-webauthn", include_str!("../../maps/devise-webauthn.toml")),
    ("django-otp-webauthn", include_str!("../../maps/django-otp-webauthn.toml")),
    ("laravel-passkeys", include_str!("../../maps/laravel-passkeys.toml")),
    ("spring-security", include_str!("../../maps/spring-security.toml")),
    ("supabase", include_str!("../../maps/supabase.toml")),
];

/// The most bytes of a map: somebody gave another file.
const MAX_BYTES: u64 = 1 << 20;

/// Says what is wrong with a map.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// The file cannot be read.
    #[error("cannot read the table map")]
    Read(#[from] std::io::Error),
    /// The text is no TOML, or has keys that a map has not; the message says where.
    #[error("the table map is not as expected: {0}")]
    Toml(String),
    /// A table or column has a name that cannot be one.
    #[error("the table map names something that cannot be: {0}")]
    Name(#[from] NameError),
    /// The map contradicts itself or lacks what a login needs.
    #[error("the table map cannot be used: {0}")]
    Content(String),
}

impl TableMap {
    /// Reads a map from a file.
    ///
    /// # Errors
    /// - the file cannot be read, is larger than a MiB, is no TOML, or is no map: see [`MapError`].
    pub fn open(path: &Path, dialect: Dialect) -> Result<Self, MapError> {
        if fs::metadata(path)?.len() > MAX_BYTES {
            return Err(MapError::Content("it is larger than a MiB".to_owned()));
        }
        Self::parse(&fs::read_to_string(path)?, dialect)
    }

    /// Returns the shipped map of this name; `None` where there is none.
    ///
    /// # Errors
    /// - none of the maps that come with keyferry; a test reads each for every database.
    pub fn shipped(name: &str, dialect: Dialect) -> Option<Result<Self, MapError>> {
        SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| Self::parse(text, dialect))
    }

    /// Reads a map from its text.
    ///
    /// # Errors
    /// - it is no TOML, or no map: see [`MapError`].
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, MapError> {
        let file: File = toml::from_str(text).map_err(|error| MapError::Toml(one_line(&error, text)))?;
        file.into_map(dialect)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    name: String,
    library: String,
    table: String,
    #[serde(default)]
    columns: BTreeMap<String, FieldText>,
    #[serde(default)]
    constants: BTreeMap<String, toml::Value>,
    #[serde(default)]
    derived: BTreeMap<String, String>,
    key: Option<KeyText>,
    account: Option<AccountText>,
    #[serde(default)]
    companion: Vec<CompanionText>,
    #[serde(default)]
    needs: NeedsText,
    #[serde(default)]
    sqlite: Differences,
    #[serde(default)]
    postgres: Differences,
    #[serde(default)]
    mysql: Differences,
}

/// What is otherwise on one database.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Differences {
    #[serde(default)]
    columns: BTreeMap<String, FieldText>,
    #[serde(default)]
    constants: BTreeMap<String, toml::Value>,
    key: Option<KeyText>,
}

/// A column's name alone, or a table that says more.
#[derive(Clone)]
enum FieldText {
    Name(String),
    Full(FullField),
}

impl<'de> Deserialize<'de> for FieldText {
    /// Not an untagged enum, which would not say which key it does not know.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(name) => Ok(Self::Name(name)),
            full @ toml::Value::Table(_) => full
                .try_into()
                .map(Self::Full)
                .map_err(|error: toml::de::Error| serde::de::Error::custom(error.message())),
            _ => Err(serde::de::Error::custom("expected the name of a column, or a table with `column`")),
        }
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FullField {
    column: String,
    #[serde(default)]
    also: Vec<String>,
    #[serde(rename = "as")]
    encoding: Option<String>,
    words: Option<[String; 2]>,
    otherwise: Option<toml::Value>,
    #[serde(default)]
    required: bool,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct KeyText {
    column: String,
    #[serde(default = "yes")]
    unique: bool,
    #[serde(default)]
    folds_case: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AccountText {
    column: String,
    table: String,
    #[serde(rename = "match")]
    matches: String,
    id: String,
    create: Option<RowText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RowText {
    #[serde(default)]
    columns: BTreeMap<String, FieldText>,
    #[serde(default)]
    constants: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CompanionText {
    table: String,
    key: Vec<String>,
    account: Option<String>,
    #[serde(default)]
    columns: BTreeMap<String, FieldText>,
    #[serde(default)]
    constants: BTreeMap<String, toml::Value>,
    #[serde(default)]
    derived: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct NeedsText {
    algorithms: Option<Vec<String>>,
    rsa_exponent: Option<RsaExponentText>,
    polymorphic_keys: bool,
    canonical_keys: bool,
    backup: bool,
    handle_is_account: bool,
    rising_sign_count: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RsaExponentText {
    most_bits: usize,
    #[serde(default)]
    above_modulus_bits: usize,
}

impl File {
    fn into_map(self, dialect: Dialect) -> Result<TableMap, MapError> {
        let differences = match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
            Dialect::MySql => self.mysql,
        };
        let (mut fields, mut constants) = (self.columns, self.constants);
        fields.extend(differences.columns);
        constants.extend(differences.constants);
        let table: TableName = self.table.parse()?;
        let mut columns = row(&fields, &constants, &self.derived)?;
        let account = match self.account {
            None => None,
            Some(text) => {
                columns.push(Column { name: name::column(&text.column)?, content: Content::AccountId });
                let create = match text.create {
                    Some(made) => row(&made.columns, &made.constants, &BTreeMap::new())?,
                    None => Vec::new(),
                };
                let (matches, id) = (name::column(&text.matches)?, name::column(&text.id)?);
                Some(AccountTable { table: text.table.parse()?, matches, id, create })
            }
        };
        let mut companions = Vec::new();
        for text in self.companion {
            let mut columns = row(&text.columns, &text.constants, &text.derived)?;
            if let Some(column) = text.account {
                columns.push(Column { name: name::column(&column)?, content: Content::AccountId });
            }
            companions.push(Companion { table: text.table.parse()?, columns, key: text.key });
        }
        let key = differences.key.or(self.key).map(|key| Key {
            column: key.column,
            is_unique: key.unique,
            folds_case: key.folds_case,
        });
        let needs = self.needs.read()?;
        let credential_id = columns.iter().find(|column| is_item(&column.content, Item::CredentialId));
        let key = match (key, credential_id) {
            (Some(key), _) => key,
            (None, Some(column)) => Key { column: column.name.clone(), is_unique: true, folds_case: false },
            (None, None) => {
                return Err(content("no column holds the credential_id by itself, and [key] names none"));
            }
        };
        let map = TableMap {
            name: self.name,
            library: self.library,
            table,
            columns,
            key,
            account,
            companions,
            needs,
            is_own: false,
        };
        check(&map)?;
        Ok(map)
    }
}

/// Makes the columns of one row; `Data.SignCount` is the member `SignCount` of the JSON object in the column `Data`.
fn row(
    fields: &BTreeMap<String, FieldText>,
    constants: &BTreeMap<String, toml::Value>,
    derived: &BTreeMap<String, String>,
) -> Result<Vec<Column>, MapError> {
    let mut columns = Vec::new();
    let known: Vec<_> = Item::ALL.iter().filter(|item| **item != Item::Row).map(|item| item.name()).collect();
    if let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        let known = known.join(", ");
        return Err(content(&format!("[columns] has `{}`; it can have {known}", Shown(unknown))));
    }
    // In the order of WebAuthn Level 3, section 4, whatever the order of the file.
    for item in Item::ALL {
        if let Some(text) = fields.get(item.name()) {
            let (place, also, field) = text.read(*item)?;
            for copy in &also {
                put(&mut columns, copy, Content::Copy(field.clone()))?;
            }
            put(&mut columns, &place, Content::Item(field))?;
        }
    }
    for (place, value) in derived {
        put(&mut columns, place, Content::Derived(read_derived(value)?))?;
    }
    for (place, value) in constants {
        put(&mut columns, place, Content::Constant(read_constant(value)?))?;
    }
    Ok(columns)
}

fn put(columns: &mut Vec<Column>, place: &str, content: Content) -> Result<(), MapError> {
    let Some((document, member)) = place.split_once('.') else {
        columns.push(Column { name: name::column(place)?, content });
        return Ok(());
    };
    if member.is_empty() || member.contains(|letter: char| letter == '.' || letter.is_control()) {
        let place = Shown(place);
        return Err(self::content(&format!(
            "`{place}` is no member: expected a column, a dot and a name without dots"
        )));
    }
    let (document, member) = (name::column(document)?, Member { name: member.to_owned(), content });
    match columns.iter_mut().find(|column| column.name == document) {
        Some(Column { content: Content::Document(members), .. }) => {
            if members.iter().any(|other| other.name == member.name) {
                return Err(self::content(&format!("the member {} stands there twice", Shown(place))));
            }
            members.push(member);
        }
        Some(_) => {
            return Err(self::content(&format!("the column {document} is a document and something else")));
        }
        None => columns.push(Column { name: document, content: Content::Document(vec![member]) }),
    }
    Ok(())
}

impl FieldText {
    fn read(&self, item: Item) -> Result<(String, Vec<String>, Field), MapError> {
        let plain = |column: &str| FullField {
            column: column.to_owned(),
            also: Vec::new(),
            encoding: None,
            words: None,
            otherwise: None,
            required: false,
        };
        let full = match self {
            Self::Name(column) => plain(column),
            Self::Full(full) => full.clone(),
        };
        let encoding = match (&full.encoding, full.words) {
            (None, Some([no, yes])) if no != yes && ![&no, &yes].iter().any(|word| word.contains('\0')) => {
                Encoding::Words(no, yes)
            }
            (Some(text), None) => read_encoding(text)?,
            (None, None) => usual(item),
            _ => return Err(content(&format!("{item}: `as` and two different `words` exclude each other"))),
        };
        if !fits(item, &encoding) {
            return Err(content(&format!("{item} cannot be written that way")));
        }
        if !full.also.is_empty() && may_change(item) {
            return Err(content(&format!(
                "{item}: `also` is for what never changes, or the two would differ one day"
            )));
        }
        let otherwise = full.otherwise.as_ref().map(read_constant).transpose()?;
        if otherwise.is_some() && full.required {
            return Err(content(&format!("{item}: what is `required` has nothing `otherwise`")));
        }
        Ok((full.column, full.also, Field { item, encoding, otherwise, is_required: full.required }))
    }
}

impl NeedsText {
    fn read(self) -> Result<Needs, MapError> {
        let algorithm = |text: &String| {
            CoseAlgorithm::KNOWN
                .iter()
                .find(|algorithm| algorithm.to_string() == *text)
                .copied()
                .ok_or_else(|| content(&format!("there is no algorithm `{}`", Shown(text))))
        };
        let algorithms = self
            .algorithms
            .map(|names| names.iter().map(algorithm).collect::<Result<Vec<_>, _>>())
            .transpose()?;
        Ok(Needs {
            algorithms,
            rsa_exponent: self.rsa_exponent.map(|RsaExponentText { most_bits, above_modulus_bits }| {
                RsaExponent { most_bits, above_modulus_bits }
            }),
            polymorphic_keys: self.polymorphic_keys,
            canonical_keys: self.canonical_keys,
            backup: self.backup,
            handle_is_account: self.handle_is_account,
            rising_sign_count: self.rising_sign_count,
        })
    }
}

pub(super) fn content(message: &str) -> MapError {
    MapError::Content(message.to_owned())
}

/// The parser shows the line with a marker below it; a message has one line and says its number.
fn one_line(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line =
        before.map(|before| format!("line {}: ", before.matches('\n').count() + 1)).unwrap_or_default();
    // It quotes the file, whose words may be as long and as many as they like.
    let words = error.message().split_whitespace().take(100);
    let words: Vec<_> = words.map(|word| Shown(word).to_string()).collect();
    line + &words.join(" ")
}
