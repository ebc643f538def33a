//! Test vectors of WebAuthn Level 3, section 16.

use keyferry_assertion::{Assertion, Expected, Held, Outcome, Step, verify};
use keyferry_core::{Backup, CoseAlgorithm, CoseKey, CredentialId, Curve, KeyParameters, RpId, SignCount};

struct Vector {
    section: &'static str,
    key: CoseKey,
    credential_id: &'static str,
    challenge: &'static str,
    authenticator_data: &'static str,
    client_data: &'static str,
    signature: &'static str,
    open: &'static [Step],
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn es256(x: &str, y: &str) -> CoseKey {
    let parameters = KeyParameters::Ec2 { curve: Curve::P256, x: bytes(x).into(), y: bytes(y).into() };
    CoseKey::from_parameters(CoseAlgorithm::Es256, &parameters).unwrap()
}

fn ed25519(x: &str) -> CoseKey {
    let parameters = KeyParameters::Okp { curve: Curve::Ed25519, x: bytes(x).into() };
    CoseKey::from_parameters(CoseAlgorithm::EdDsa, &parameters).unwrap()
}

fn vectors() -> [Vector; 3] {
    [
        Vector {
            section: "16.2, ES256 without attestation",
            key: es256(
                "afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61",
                "930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
            ),
            credential_id: "f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4",
            challenge: "39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408",
            authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000",
            client_data: concat!(
                "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455",
                "506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a226874747073",
                "3a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
            ),
            signature: concat!(
                "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b935381",
                "74f575bf11a1dd5d78c6e486013f937295ea13653e331e87",
            ),
            open: &[Step::UserVerified],
        },
        Vector {
            section: "16.4, ES256 in a frame of another origin",
            key: es256(
                "22200a473f90b11078851550d03b4e44a2279f8c4eca27b3153dedfe03e4e97d",
                "cbd0be95e746ad6f5a8191be11756e4c0420e72f65b466d39bc56b8b123a9c6e",
            ),
            credential_id: "6e1050c0d2ca2f07c755cb2c66a74c64fa43065c18f938354d9915db2bd5ce57",
            challenge: "876aa517ba83fdee65fcffdbca4c84eeae5d54f8041a1fc85c991e5bbb273137",
            authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50500000000",
            client_data: concat!(
                "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a226832716c463771445f65356c",
                "5f505f62796b7945377135645650674547685f49584a6b655737736e4d5463222c226f726967696e223a226874747073",
                "3a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a747275652c22657874726144617461223a22",
                "636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c2066",
                "69656c647320696e20746865206675747572652c207375636820617320746869733a2039327063545644304162792d71",
                "3464746d6a36656667227d",
            ),
            signature: concat!(
                "3046022100eb12fcf23b12764c0f122e22371fab92e283879fd798f38ee1841c951b6e40e7022100c76237ff9db77b3c",
                "56f30837cda6a09acfa2e915544e609c0733b1184036d1cf",
            ),
            open: &[Step::CrossOrigin],
        },
        Vector {
            section: "16.11, Ed25519",
            key: ed25519("44e06ddd331c36a8dc667bab52bcae63486c916aa5e339e6acebaa84934bf832"),
            credential_id: "ce9f840ed96599580cd140fbc7bb3230633f50f61041aff73308ae71caa8a2bd",
            challenge: "895957e01c633a698348a2d8a31a54b7db27e8c1c43b2080d79ae2190267bfd2",
            authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50100000000",
            client_data: concat!(
                "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a2269566c583442786a4f6d6d44",
                "534b4c596f7870557439736e364d48454f7943413135726947514a6e763949222c226f726967696e223a226874747073",
                "3a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
            ),
            signature: concat!(
                "f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cfdfc48f85393bc0d40b011f0d6fecb097",
                "d6607525713223a0dc0d453993dae00b",
            ),
            open: &[Step::UserVerified],
        },
    ]
}

#[test]
fn vectors_of_section_16_verify() {
    let rp_id = RpId::parse("example.org").unwrap();
    for vector in vectors() {
        let assertion = Assertion {
            credential_id: CredentialId::new(bytes(vector.credential_id)).unwrap(),
            client_data: bytes(vector.client_data),
            authenticator_data: bytes(vector.authenticator_data),
            signature: bytes(vector.signature),
            user_handle: None,
        };
        let flags = assertion.authenticator_data[32];
        let held = Held {
            credential_id: &assertion.credential_id,
            public_key: &vector.key,
            sign_count: SignCount(0),
            backup: Backup::from_flags(flags & 0x08 != 0, flags & 0x10 != 0),
            user_handle: None,
        };
        let challenge = bytes(vector.challenge);
        let expected = Expected {
            rp_id: Some(&rp_id),
            origin: Some("https://example.org"),
            challenge: Some(&challenge),
            ..Expected::default()
        };
        let findings = verify(&assertion, &held, &expected);
        assert!(findings.would_succeed(), "{}: {findings:?}", vector.section);
        let is_open = |step| matches!(findings.outcome(step), Some(Outcome::Open(_)));
        let open: Vec<_> = Step::ALL.iter().copied().filter(|step| is_open(*step)).collect();
        assert_eq!(open, [&[Step::UserHandle], vector.open].concat(), "{}", vector.section);
        let other = Expected { challenge: Some(b"another"), ..expected };
        assert!(!verify(&assertion, &held, &other).would_succeed(), "{}", vector.section);
    }
}
