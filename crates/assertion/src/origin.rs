//! Origins, and the RP IDs that fit them.

use keyferry_core::RpId;
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

/// What an origin in client data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A web page of this host.
    Web(RpId),
    /// An Android app: its server has to list the hash of the app's signing key.
    App,
    /// A web page that a browser lets nobody log in at: not HTTPS, and not on the same machine.
    Insecure,
}

impl Origin {
    /// Reads an origin exactly as a browser writes it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(hash) = text.strip_prefix("android:apk-key-hash:") {
            return (hash.len() == 43 && crate::decode_base64url(hash).is_some()).then_some(Self::App);
        }
        let url = Url::parse(text).ok()?;
        if !matches!(url.scheme(), "https" | "http") || url.origin().ascii_serialization() != text {
            return None;
        }
        let Some(Host::Domain(host)) = url.host() else { return None };
        let is_local = host == "localhost" || host.ends_with(".localhost");
        if url.scheme() == "http" && !is_local {
            return Some(Self::Insecure);
        }
        RpId::parse(host).ok().map(Self::Web)
    }

    /// Tells whether a browser lets a page of this origin log in for an RP ID: its host is the RP ID or below it.
    pub fn is_within(&self, rp_id: &RpId) -> bool {
        let Self::Web(host) = self else { return false };
        let host = host.as_str();
        host.strip_suffix(rp_id.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }
}

/// Finds the RP ID of a hash among the host of an origin and every domain above it.
///
/// ```
/// use keyferry_assertion::{Origin, rp_id_of};
/// # use keyferry_core::RpId;
/// # use sha2::{Digest, Sha256};
/// let hash = Sha256::digest("example.com").into();
/// let origin = Origin::parse("https://login.example.com").ok_or("an origin")?;
/// assert_eq!(rp_id_of(&origin, &hash), RpId::parse("example.com").ok());
/// # Ok::<(), &str>(())
/// ```
pub fn rp_id_of(origin: &Origin, rp_id_hash: &[u8; 32]) -> Option<RpId> {
    let Origin::Web(host) = origin else { return None };
    let mut candidate = host.as_str();
    loop {
        if is_hash_of(candidate, rp_id_hash) {
            return RpId::parse(candidate).ok();
        }
        candidate = candidate.split_once('.')?.1;
    }
}

/// Tells whether this is the hash of an RP ID.
pub(crate) fn is_hash_of(rp_id: &str, hash: &[u8; 32]) -> bool {
    Sha256::digest(rp_id).as_slice() == hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(host: &str) -> Option<Origin> {
        Some(Origin::Web(RpId::parse(host).unwrap()))
    }

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        assert_eq!(Origin::parse("https://example.com"), web("example.com"));
        assert_eq!(Origin::parse("https://login.example.com:8443"), web("login.example.com"));
        assert_eq!(Origin::parse("http://localhost:3000"), web("localhost"));
        assert_eq!(Origin::parse("http://example.com"), Some(Origin::Insecure));
        let app = "android:apk-key-hash:R9SWr0oD9ZYWTmN2lZGkV3QTVx6mY3J0nrjE8p4wXhY";
        assert_eq!(Origin::parse(app), Some(Origin::App));
        for text in [
            "",
            "null",
            "example.com",
            "https://",
            "https://example.com/",
            "https://example.com:443",
            "https://EXAMPLE.com",
            "https://user@example.com",
            "https://example.com/path",
            "https://127.0.0.1",
            "https://[::1]",
            "ftp://example.com",
            "javascript:alert(1)",
            "android:apk-key-hash:short",
            "https://exa\u{1b}mple.com",
            " https://example.com",
        ] {
            assert_eq!(Origin::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn within_means_the_host_or_below_it() {
        let origin = Origin::parse("https://login.example.com").unwrap();
        for (rp_id, expected) in [
            ("login.example.com", true),
            ("example.com", true),
            ("com", true), // browsers refuse it, by a list of suffixes that changes; no login was ever made there
            ("ample.com", false),
            ("www.example.com", false),
            ("a.login.example.com", false),
        ] {
            assert_eq!(origin.is_within(&RpId::parse(rp_id).unwrap()), expected, "{rp_id}");
        }
        assert!(!Origin::App.is_within(&RpId::parse("example.com").unwrap()));
    }

    #[test]
    fn the_rp_id_is_found_by_its_hash() {
        let origin = Origin::parse("https://a.b.example.com").unwrap();
        for rp_id in ["a.b.example.com", "b.example.com", "example.com"] {
            let hash = Sha256::digest(rp_id).into();
            assert_eq!(rp_id_of(&origin, &hash), RpId::parse(rp_id).ok());
        }
        assert_eq!(rp_id_of(&origin, &Sha256::digest("other.example.com").into()), None);
        assert_eq!(rp_id_of(&Origin::App, &Sha256::digest("example.com").into()), None);
    }
}
