//! The authenticators that occur in a generated export, and how often.
//!
//! Flags, transports, attachment, attestation and counter of a row come from one model, so they fit together as they
//! do in the field. AAGUIDs are those the makers publish. Weights in one list are relative to each other.

use uuid::Uuid;

use crate::authenticator::Attachment::{self, CrossPlatform, Platform};
use crate::keys::{Algorithm, RsaSize};
use crate::stream::Stream;

/// One model of authenticator.
pub(super) struct Model {
    pub(super) aaguid: Uuid,
    pub(super) attachment: Attachment,
    pub(super) backup_eligible: bool,
    pub(super) transports: &'static [(u32, &'static str)],
    pub(super) attestation: &'static [(u32, &'static str)],
    /// How many of 100 credentials have a counter above 0, and its highest value.
    counts: (u32, u32),
    id_lengths: &'static [(u32, u32)],
}

impl Model {
    pub(super) fn sign_count(&self, stream: &mut Stream) -> u32 {
        let (percent, highest) = self.counts;
        if stream.chance(percent) { stream.between(1, highest) } else { 0 }
    }

    pub(super) fn id_length(&self, stream: &mut Stream) -> usize {
        // Some authenticators put the wrapped key into the id, which makes it long.
        let length = match *stream.pick(self.id_lengths) {
            LONG => stream.between(65, 200),
            length => length,
        };
        usize::try_from(length).unwrap_or_default()
    }
}

const LONG: u32 = 0;

/// The share of each algorithm in 10,000 rows; the size counts for RSA alone.
pub(super) const ALGORITHMS: &[(u32, (Algorithm, RsaSize))] = &[
    (8000, (Algorithm::Es256, RsaSize::Bits2048)),
    (1200, (Algorithm::Rs256, RsaSize::Bits2048)),
    (400, (Algorithm::EdDsa, RsaSize::Bits2048)),
    (250, (Algorithm::Es384, RsaSize::Bits2048)),
    (35, (Algorithm::Es512, RsaSize::Bits2048)),
    (30, (Algorithm::Esp256, RsaSize::Bits2048)),
    (30, (Algorithm::Ed25519, RsaSize::Bits2048)),
    (20, (Algorithm::Es256k, RsaSize::Bits2048)),
    (20, (Algorithm::Ps256, RsaSize::Bits2048)),
    (10, (Algorithm::Rs384, RsaSize::Bits3072)),
    (5, (Algorithm::Rs256, RsaSize::Bits4096)),
];

/// The models that make keys of this algorithm.
pub(super) fn of(algorithm: Algorithm) -> &'static [(u32, Model)] {
    match algorithm {
        Algorithm::Es256 => ES256,
        Algorithm::Rs256 => RS256,
        _ => OTHERS,
    }
}

const ES256: &[(u32, Model)] = &[
    (340, ICLOUD_KEYCHAIN),
    (260, GOOGLE_PASSWORD_MANAGER),
    (60, ONE_PASSWORD),
    (50, BITWARDEN),
    (25, DASHLANE),
    (25, SAMSUNG_PASS),
    (110, UNKNOWN_SYNCED),
    (60, UNKNOWN_PLATFORM),
    (20, UNKNOWN_ROAMING),
    (50, YUBIKEY_5_NFC),
];
const RS256: &[(u32, Model)] = &[(70, WINDOWS_HELLO), (30, WINDOWS_HELLO_VBS)];
const OTHERS: &[(u32, Model)] =
    &[(55, YUBIKEY_5_NFC), (15, UNKNOWN_SYNCED), (15, UNKNOWN_PLATFORM), (15, UNKNOWN_ROAMING)];

/// A provider that synchronises its passkeys; most differ from it in the AAGUID alone.
const SYNCED: Model = Model {
    aaguid: Uuid::nil(),
    attachment: Platform,
    backup_eligible: true,
    transports: &[(85, "internal;hybrid"), (10, "hybrid;internal"), (5, "internal")],
    attestation: &[(1, "none")],
    counts: (1, 20),
    id_lengths: &[(1, 16)],
};
const ICLOUD_KEYCHAIN: Model =
    Model { aaguid: aaguid(0xfbfc3007_154e_4ecc_8c0b_6e020557d7bd), id_lengths: &[(1, 20)], ..SYNCED };
const GOOGLE_PASSWORD_MANAGER: Model = Model {
    aaguid: aaguid(0xea9b8d66_4d01_1d21_3ce4_b6b48cb575d4),
    id_lengths: &[(60, 16), (40, 32)],
    ..SYNCED
};
const ONE_PASSWORD: Model = Model { aaguid: aaguid(0xbada5566_a7aa_401f_bd96_45619a55120d), ..SYNCED };
const BITWARDEN: Model = Model { aaguid: aaguid(0xd548826e_79b4_db40_a3d8_11116f7e8349), ..SYNCED };
const DASHLANE: Model = Model { aaguid: aaguid(0x531126d6_e717_415c_9320_3d9aa6981239), ..SYNCED };
const SAMSUNG_PASS: Model =
    Model { aaguid: aaguid(0x53414d53_554e_4700_0000_000000000000), id_lengths: &[(1, 32)], ..SYNCED };
const UNKNOWN_SYNCED: Model = Model { id_lengths: &[(50, 16), (30, 20), (20, 32)], ..SYNCED };

/// Windows Hello keeps its keys in the device, in the TPM when there is one.
const WINDOWS_HELLO: Model = Model {
    aaguid: aaguid(0x08987058_cadc_4b81_b6e1_30de50dcbe96),
    attachment: Platform,
    backup_eligible: false,
    transports: &[(1, "internal")],
    attestation: &[(60, "none"), (40, "tpm")],
    counts: (45, 300),
    id_lengths: &[(1, 32)],
};
const WINDOWS_HELLO_VBS: Model =
    Model { aaguid: aaguid(0x9ddd1817_af5a_4672_a2b9_3e3dd95000a9), ..WINDOWS_HELLO };

const YUBIKEY_5_NFC: Model = Model {
    aaguid: aaguid(0x2fc0579f_8113_47ea_b116_bb5a8db9202a),
    attachment: CrossPlatform,
    backup_eligible: false,
    transports: &[(80, "usb;nfc"), (20, "nfc;usb")],
    attestation: &[(80, "packed"), (20, "none")],
    counts: (100, 5000),
    id_lengths: &[(60, 48), (40, 64)],
};

/// A device that keeps its key and hides its model, as is usual without attestation.
const UNKNOWN_PLATFORM: Model = Model {
    aaguid: Uuid::nil(),
    attachment: Platform,
    backup_eligible: false,
    transports: &[(1, "internal")],
    attestation: &[(1, "none")],
    counts: (50, 200),
    id_lengths: &[(40, 32), (30, 64), (20, 16), (10, LONG)],
};
const UNKNOWN_ROAMING: Model = Model {
    attachment: CrossPlatform,
    transports: &[(50, "usb"), (30, "usb;nfc"), (20, "usb;nfc;ble")],
    attestation: &[(80, "none"), (20, "fido-u2f")],
    counts: (90, 5000),
    id_lengths: &[(70, 64), (15, 48), (15, LONG)],
    ..UNKNOWN_PLATFORM
};

const fn aaguid(value: u128) -> Uuid {
    Uuid::from_u128(value)
}
