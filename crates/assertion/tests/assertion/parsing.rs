//! The JSON of a login, and everything that is almost one.

use keyferry_assertion::{ParseError, Recorded};
use keyferry_testkit::{Algorithm, Generator};
use serde_json::{Value, json};

use crate::support::{credential, key, options, read};

fn login() -> Value {
    credential(&key(Algorithm::Es256)).assert(&options()).to_json()
}

fn parse(json: &Value) -> Result<Recorded, ParseError> {
    Recorded::parse(json.to_string().as_bytes())
}

/// Sets a field, or takes it away.
fn with(pointer: &str, value: Option<Value>) -> Result<Recorded, ParseError> {
    let mut json = login();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let object = json.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
    parse(&json)
}

#[test]
fn the_form_of_a_browser() {
    let made = credential(&key(Algorithm::Es256)).assert(&options());
    let assertion = read(&made);
    assert_eq!(assertion.credential_id.as_bytes(), made.credential_id);
    assert_eq!(assertion.client_data, made.client_data_json);
    assert_eq!(assertion.authenticator_data, made.authenticator_data);
    assert_eq!(assertion.signature, made.signature);
    assert_eq!(assertion.user_handle, made.user_handle);
    for extra in [json!({"credProps": {"rk": true}}), json!({}), Value::Null, json!([1])] {
        assert!(with("/clientExtensionResults", Some(extra)).is_ok());
    }
    assert!(with("/clientExtensionResults", None).is_ok());
    for absent in [None, Some(Value::Null), Some("".into())] {
        assert_eq!(with("/response/userHandle", absent).unwrap().assertion.user_handle, None);
    }
    let encoded_twice = Some("WVdiaw".into());
    assert_eq!(with("/response/userHandle", encoded_twice).unwrap().assertion.user_handle.unwrap(), b"YWbk");
}

#[test]
fn a_line_of_an_assertions_file() {
    let made = Generator::new(1, 1, "example.com").credentials().next().unwrap();
    let line = |more: Value| {
        let mut line =
            json!({"user": "x", "status": "active", "algorithm": -7, "response": made.assertion()});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        parse(&line)
    };
    let whole = line(json!({
        "credentialId": login()["id"],
        "rpId": "example.com",
        "origin": "https://example.com",
        "challenge": "AQID",
    }));
    assert_eq!(whole, Err(ParseError::OtherId));
    let recorded = line(json!({"rpId": "example.com", "origin": "https://example.com", "challenge": "AQID"}));
    let recorded = recorded.unwrap();
    assert_eq!(recorded.assertion.credential_id.as_bytes(), made.credential.credential_id);
    assert_eq!(recorded.rp_id.unwrap().as_str(), "example.com");
    assert_eq!(recorded.origin.as_deref(), Some("https://example.com"));
    assert_eq!(recorded.challenge.as_deref(), Some(&[1, 2, 3][..]));
    let nothing = line(json!({})).unwrap();
    assert_eq!((nothing.rp_id, nothing.origin, nothing.challenge), (None, None, None));
    assert_eq!(line(json!({"rpId": "https://example.com"})), Err(ParseError::RpId));
    assert_eq!(line(json!({"challenge": 7})), Err(ParseError::NotText("challenge")));
    let long = "x".repeat(4000);
    assert_eq!(line(json!({"origin": long})), Err(ParseError::TooLong { name: "origin", limit: 2048 }));
}

#[test]
fn fields_that_are_missing_or_wrong() {
    for name in ["id", "rawId", "type"] {
        assert_eq!(with(&format!("/{name}"), None), Err(ParseError::Missing(name)));
        assert_eq!(with(&format!("/{name}"), Some(Value::Null)), Err(ParseError::Missing(name)));
        assert_eq!(with(&format!("/{name}"), Some(json!([]))), Err(ParseError::NotText(name)));
    }
    assert_eq!(with("/response", None), Err(ParseError::Missing("response")));
    for no_object in [json!([]), json!("x"), json!(1), json!(true)] {
        assert_eq!(with("/response", Some(no_object)), Err(ParseError::NotAnObject("`response`")));
    }
    for name in ["response.clientDataJSON", "response.authenticatorData", "response.signature"] {
        let pointer = format!("/{}", name.replace('.', "/"));
        assert_eq!(with(&pointer, None), Err(ParseError::Missing(name)));
        assert_eq!(with(&pointer, Some(json!({"0": 1}))), Err(ParseError::NotText(name)));
        for text in ["AQI=", "AQI ", "+/+/", "AQJ", "A", "AQ\u{1b}D", "AQID\n"] {
            assert_eq!(with(&pointer, Some(text.into())), Err(ParseError::NotBase64Url(name)), "{text:?}");
        }
        let long = "A".repeat(30_000);
        assert!(matches!(with(&pointer, Some(long.into())), Err(ParseError::TooLong { .. })));
    }
    assert_eq!(with("/type", Some("password".into())), Err(ParseError::Type));
    assert_eq!(with("/id", Some("AQID".into())), Err(ParseError::Id));
    let mut empty = login();
    (empty["id"], empty["rawId"]) = ("".into(), "".into());
    assert_eq!(parse(&empty), Err(ParseError::Id));
    let long = "A".repeat(1368);
    assert!(matches!(with("/id", Some(long.into())), Err(ParseError::TooLong { limit: 1023, .. })));
}

#[test]
fn texts_that_are_no_object() {
    for text in ["", " ", "null", "[]", "1", "\"x\"", "//"] {
        assert_eq!(Recorded::parse(text.as_bytes()), Err(ParseError::NotAnObject("the assertion")), "{text}");
    }
    let whole = login().to_string();
    for cut in 1..whole.len() {
        let error = Recorded::parse(&whole.as_bytes()[..cut]).unwrap_err();
        assert_eq!(error.code(), "not-json", "cut at {cut}");
    }
    let place = |text: String| match Recorded::parse(text.as_bytes()) {
        Err(ParseError::NotJson { line, column, .. }) => (line, column),
        other => panic!("{other:?}"),
    };
    assert_eq!(place(format!("{whole}\n{whole}")), (2, 1));
    assert_eq!(Recorded::parse(b"{\"id\":\"\xff\"}"), Err(ParseError::NotUtf8));
    // A byte order mark is taken off once, and UTF-16 is not guessed at.
    assert_eq!(Recorded::parse(format!("\u{feff}{whole}").as_bytes()), Recorded::parse(whole.as_bytes()));
    let twice = format!("\u{feff}\u{feff}{whole}");
    assert_eq!(Recorded::parse(twice.as_bytes()), Err(ParseError::NotAnObject("the assertion")));
    let wide: Vec<u8> = whole.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Recorded::parse(&wide).unwrap_err().code(), "not-json");
    assert_eq!(Recorded::parse(&vec![b' '; Recorded::MAX_LENGTH + 1]), Err(ParseError::Long));
    assert_eq!(Recorded::parse(&vec![b'['; Recorded::MAX_LENGTH]).unwrap_err().code(), "not-json");
    let nested = format!("{{\"x\":{}", "[".repeat(60_000));
    assert_eq!(Recorded::parse(nested.as_bytes()).unwrap_err().code(), "not-json");
}

/// Two readers would take two different values.
#[test]
fn a_field_that_stands_twice_is_refused() {
    let whole = login().to_string();
    let twice = whole.replacen("{\"", "{\"id\":\"AQID\",\"", 1);
    assert_eq!(Recorded::parse(twice.as_bytes()), Err(ParseError::FieldTwice("the assertion")));
    let inner = whole.replacen("\"response\":{", "\"response\":{\"signature\":\"AQID\",", 1);
    assert_eq!(Recorded::parse(inner.as_bytes()), Err(ParseError::FieldTwice("`response`")));
}

#[test]
fn messages_hold_nothing_of_the_assertion() {
    let secret = "c2VjcmV0LXVzZXI";
    for pointer in ["/id", "/rawId", "/type", "/response", "/response/signature", "/response/userHandle"] {
        for value in [json!(secret), json!(format!("{secret}!")), json!([secret]), json!({ secret: secret })]
        {
            if let Err(error) = with(pointer, Some(value)) {
                let shown = format!("{error} {error:?} {}", error.code());
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
    let shown = format!("{:?}", parse(&login()).unwrap());
    assert!(!shown.contains("alice") && !shown.contains("AQEBAQEBAQEBAQEBAQEBAQ"), "{shown}");
}
