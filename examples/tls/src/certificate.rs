//! A certificate for one run of the program.

use std::{error::Error, sync::Arc};

use rcgen::{CertifiedKey, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// The loopback names and addresses.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A self-signed certificate with its key. Neither is stored.
pub struct Identity(CertifiedKey<KeyPair>);

impl Identity {
    pub fn new() -> Result<Self, rcgen::Error> {
        let names = NAMES.map(str::to_owned);
        rcgen::generate_simple_self_signed(names).map(Self)
    }

    /// Encodes the certificate without its key.
    pub fn pem(&self) -> String {
        self.0.cert.pem()
    }

    /// Builds the TLS configuration.
    ///
    /// The crypto provider is named explicitly, because a program with two providers has no default.
    pub fn into_config(self) -> Result<ServerConfig, Box<dyn Error>> {
        let CertifiedKey { cert, signing_key } = self.0;
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], PrivateKeyDer::Pkcs8(key))?;
        Ok(config)
    }
}
