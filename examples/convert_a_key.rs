//! How do I get a credential public key in the form that my library reads?
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use keyferry_core::{CoseKey, Fault};
use keyferry_testkit::{Algorithm, TestKey};

fn main() -> Result<(), Fault> {
    let cose = TestKey::from_seed(Algorithm::Es256, &[1; 32]).cose();

    let key = CoseKey::from_bytes(cose)?; // refuses every key with which anyone could forge a login
    println!("algorithm  {} ({})", key.algorithm(), key.algorithm().number());
    println!("JWK        {}", key.to_jwk());
    println!("SPKI       {} bytes of DER", key.to_spki_der().len());
    print!("{}", key.to_spki_pem());
    Ok(())
}
