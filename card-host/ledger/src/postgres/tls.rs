//! TLS to the server, where the address asks for it: `sslmode=require`. The server's certificate is always verified, against the authorities in
//! `sslrootcert=FILE` or those of the operating system; so `verify-full` is the same, and `verify-ca` no less.

use percent_encoding::percent_decode_str;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::{Failure, FailureKind};

/// Makes connections with TLS.
#[derive(Clone)]
pub(super) struct Tls(pub(super) MakeRustlsConnect);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// With the authorities in a file, or those of the system.
    pub(super) fn new(authorities: Option<&Path>) -> Result<Self, Failure> {
        let mut roots = RootCertStore::empty();
        let place = match authorities {
            Some(path) => {
                let unread =
                    |error: &dyn fmt::Display| unfit(format!("sslrootcert={}: {error}", path.display()));
                for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unread(&error))? {
                    let certificate = certificate.map_err(|error| unread(&error))?;
                    roots.add(certificate).map_err(|error| unread(&error))?;
                }
                path.display().to_string()
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                "the operating system".to_owned()
            }
        };
        if roots.is_empty() {
            return Err(unfit(format!(
                "{place} has no certificate of an authority: name a file of one, sslrootcert=FILE"
            )));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| unfit(error.to_string()))?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self(MakeRustlsConnect::new(config)))
    }
}

fn unfit(text: String) -> Failure {
    Failure::new(FailureKind::Unfit, text)
}

/// Takes out of an address what the library below does not know.
pub(super) fn parts(address: &str) -> (String, Option<PathBuf>) {
    let is_url = address.contains("://");
    let (front, options) = match address.split_once('?') {
        Some((front, options)) if is_url => (Some(front), options),
        _ if is_url => return (address.to_owned(), None),
        _ => (None, address),
    };
    let between = if is_url { '&' } else { ' ' };
    let mut authorities = None;
    let mut kept = Vec::new();
    for option in options.split(between) {
        match option.split_once('=') {
            Some(("sslrootcert", path)) if is_url => {
                authorities = Some(PathBuf::from(&*percent_decode_str(path).decode_utf8_lossy()));
            }
            Some(("sslrootcert", path)) => authorities = Some(PathBuf::from(path.trim_matches('\''))),
            Some(("sslmode", "verify-full" | "verify-ca")) => kept.push("sslmode=require"),
            _ => kept.push(option),
        }
    }
    let kept = kept.join(&between.to_string());
    (front.map_or_else(|| kept.clone(), |front| format!("{front}?{kept}")), authorities)
}

#[cfg(test)]
mod tests {
    use super::parts;
    use std::path::PathBuf;

    #[test]
    fn what_the_library_does_not_know_is_taken_out() {
        let of = |address: &str| {
            let (text, authorities) = parts(address);
            (text, authorities.unwrap_or_default())
        };
        let is = |text: &str, path: &str| (text.to_owned(), PathBuf::from(path));
        assert_eq!(of("postgres://a:b@c/d"), is("postgres://a:b@c/d", ""));
        assert_eq!(
            of("postgres://a:b@c/d?sslmode=verify-full&sslrootcert=%2Fmy%20ca.pem&application_name=x"),
            is("postgres://a:b@c/d?sslmode=require&application_name=x", "/my ca.pem")
        );
        assert_eq!(of("host=c sslrootcert='/ca.pem' dbname=d"), is("host=c dbname=d", "/ca.pem"));
    }
}
