//! TLS between two movers that know each other by fingerprint alone: version 1.3, both certificates pinned.
//!
//! In a pod the key is made when the process starts, never leaves its memory and never reaches a log; only movers that are
//! started by hand have theirs in a file. There is no authority, no name
//! and no date to check: a certificate is right if it is the one the orders named.

use std::fs::File;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};

use crate::contract::orders::{Fingerprint, Reason};
use crate::mover::ground::fail::{self, Halt, Result};

/// A mover's own key and certificate.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl std::fmt::Debug for Identity {
    /// Shows the fingerprint and never the key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Identity").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl Identity {
    /// Makes a new key and a certificate for it.
    pub fn make() -> Result<Identity> {
        Identity::make_with(provider())
    }

    /// Makes them with this cryptography.
    pub(super) fn make_with(provider: CryptoProvider) -> Result<Identity> {
        let failed = |error: rcgen::Error| Halt::new(Reason::System, format!("making a certificate: {error}"));
        let made = rcgen::generate_simple_self_signed(vec!["mover".to_owned()]).map_err(failed)?;
        let certificate = made.cert.der().clone();
        Ok(Identity {
            fingerprint: fingerprint_of(&certificate),
            certificate,
            key: PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()),
            provider: Arc::new(provider),
        })
    }

    /// Writes the key, readable by nobody else, and the certificate; for movers that are started by hand.
    pub fn save(&self, key: &Path, certificate: &Path) -> Result<()> {
        let failed = |error: std::io::Error| fail::system_io("writing a key", &error);
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(key).map_err(failed)?;
        file.write_all(self.key.secret_pkcs8_der()).map_err(failed)?;
        std::fs::write(certificate, &self.certificate).map_err(failed)
    }

    /// Reads what [`Identity::save`] wrote.
    pub fn load(key: &Path, certificate: &Path) -> Result<Identity> {
        let read = |path: &Path| std::fs::read(path).map_err(|error| fail::system_io(&format!("reading `{}`", path.display()), &error));
        let certificate = CertificateDer::from(read(certificate)?);
        let key = PrivatePkcs8KeyDer::from(read(key)?);
        Ok(Identity { fingerprint: fingerprint_of(&certificate), certificate, key, provider: Arc::new(provider()) })
    }

    /// Returns the fingerprint of a certificate that [`Identity::save`] wrote.
    pub fn fingerprint_in(certificate: &Path) -> Result<Fingerprint> {
        let bytes = std::fs::read(certificate);
        let bytes = bytes.map_err(|error| fail::system_io(&format!("reading `{}`", certificate.display()), &error))?;
        Ok(fingerprint_of(&CertificateDer::from(bytes)))
    }

    /// Returns by what the other end knows this one.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone_key())
    }

    /// Returns the settings of a source end that wants to meet this peer.
    pub fn client(&self, peer: &Fingerprint) -> Result<Arc<ClientConfig>> {
        let verifier = Arc::new(PinnedPeer { peer: Mutex::new(Some(peer.clone())), provider: Arc::clone(&self.provider) });
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_auth_cert(vec![self.certificate.clone()], self.key())
            .map_err(unusable)?;
        // The connections of a pass are made at once; each proves itself.
        config.resumption = rustls::client::Resumption::disabled();
        config.enable_sni = false;
        Ok(Arc::new(config))
    }

    /// Returns the settings of a target end, which lets in whom the pin names at that moment.
    pub fn server(&self) -> Result<(Arc<ServerConfig>, Arc<PinnedPeer>)> {
        let pinned = Arc::new(PinnedPeer { peer: Mutex::new(None), provider: Arc::clone(&self.provider) });
        let verifier: Arc<dyn ClientCertVerifier> = Arc::clone(&pinned) as Arc<dyn ClientCertVerifier>;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(unusable)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![self.certificate.clone()], self.key())
            .map_err(unusable)?;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok((Arc::new(config), pinned))
    }
}

/// AES-128 first where the processor has it, because it is by far the fastest there; ChaCha20 else.
pub(super) fn provider() -> CryptoProvider {
    use rustls::crypto::ring::cipher_suite::{TLS13_AES_128_GCM_SHA256, TLS13_CHACHA20_POLY1305_SHA256};
    let (aes, chacha) = (TLS13_AES_128_GCM_SHA256, TLS13_CHACHA20_POLY1305_SHA256);
    let cipher_suites = if has_aes() { vec![aes, chacha] } else { vec![chacha, aes] };
    CryptoProvider { cipher_suites, ..rustls::crypto::ring::default_provider() }
}

#[cfg(target_arch = "x86_64")]
fn has_aes() -> bool {
    std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq")
}

#[cfg(target_arch = "aarch64")]
fn has_aes() -> bool {
    std::arch::is_aarch64_feature_detected!("aes")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn has_aes() -> bool {
    false
}

fn unusable(error: Error) -> Halt {
    Halt::new(Reason::System, format!("setting up TLS: {error}"))
}

fn fingerprint_of(certificate: &CertificateDer<'_>) -> Fingerprint {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    Fingerprint(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Returns the name that TLS wants for an address; nothing is resolved, and nothing checks it.
#[must_use]
pub fn name_of(address: IpAddr) -> ServerName<'static> {
    ServerName::IpAddress(address.into())
}

/// Lets in the one peer with this certificate; nobody while there is none.
#[derive(Debug)]
pub struct PinnedPeer {
    peer: Mutex<Option<Fingerprint>>,
    provider: Arc<CryptoProvider>,
}

impl PinnedPeer {
    /// Names the peer to let in from now on.
    pub fn let_in(&self, peer: Option<Fingerprint>) {
        *self.peer.lock().expect("no thread panics while it holds this lock") = peer;
    }

    fn check(&self, certificate: &CertificateDer<'_>) -> std::result::Result<(), Error> {
        let peer = self.peer.lock().expect("no thread panics while it holds this lock");
        if peer.as_ref() == Some(&fingerprint_of(certificate)) {
            return Ok(());
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn check_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }
}

fn no_older_version() -> Error {
    Error::General("only TLS 1.3 is spoken".to_owned())
}

impl ServerCertVerifier for PinnedPeer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        Err(no_older_version())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for PinnedPeer {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> std::result::Result<ClientCertVerified, Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        Err(no_older_version())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Returns the halt for a connection that broke.
pub(crate) fn broken(error: &std::io::Error) -> Halt {
    fail::peer(format!("the connection to the other mover broke: {error}"))
}
