//! Which certificate authorities are trusted.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow};
use rustls::RootCertStore;
use webpki_roots::TLS_SERVER_ROOTS;

use super::pem;
use crate::error::Failure;
use crate::file::{self, Limit};
use crate::folder;

/// Where systems keep their bundle: Debian and Arch, Fedora, openSUSE, Alpine and the BSDs. One file is read, and not a
/// folder of them: that costs a start 3 ms.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What to trust in place of the system's bundle.
#[derive(Debug, Default)]
pub struct Authorities {
    /// `SSL_CERT_FILE`.
    pub file: Option<PathBuf>,
    /// `SSL_CERT_DIR`: folders, separated by colons.
    pub folders: Option<OsString>,
}

impl Authorities {
    /// Whether the user names them.
    pub fn are_given(&self) -> bool {
        self.file.is_some() || self.folders.is_some()
    }

    /// The authorities of `SSL_CERT_FILE` and `SSL_CERT_DIR`, else of the system, else Mozilla's, which are compiled
    /// in.
    ///
    /// # Errors
    ///
    /// Exit status 1 if the file cannot be read, or there is no certificate at all: they were meant to be used, and
    /// others in their place would be trusted against the user's will.
    pub(super) fn load(&self) -> Result<RootCertStore> {
        let system = || SYSTEM_BUNDLES.iter().map(Path::new).find(|path| path.exists());
        let file = if self.are_given() { self.file.as_deref() } else { system() };
        let Some(last) = self.folders.as_deref().map(Path::new).or(file) else {
            return Ok(TLS_SERVER_ROOTS.iter().cloned().collect());
        };
        let mut bundle = Bundle { roots: RootCertStore::empty(), seen: Vec::new(), fault: None };
        if let Some(path) = file {
            bundle.add_file(path)?;
        }
        let folders = self.folders.as_deref().unwrap_or_default().as_bytes();
        for folder in folders.split(|byte| *byte == b':').filter(|folder| !folder.is_empty()) {
            bundle.add_folder(&PathBuf::from(OsString::from_vec(folder.to_vec())));
        }
        bundle.finish(last)
    }
}

fn certificates_of(path: &Path) -> Failure {
    Failure::local(format!("certificate authorities: {}", path.display()))
}

/// Certificates that were read.
struct Bundle {
    roots: RootCertStore,
    /// Device and inode of each file, for folders are full of links to the same.
    seen: Vec<(u64, u64)>,
    /// Why the first folder or file that could not be used was not.
    fault: Option<Error>,
}

impl Bundle {
    fn add_file(&mut self, path: &Path) -> Result<()> {
        let metadata = fs::metadata(path).with_context(|| certificates_of(path))?;
        let inode = (metadata.dev(), metadata.ino());
        if !self.seen.contains(&inode) {
            self.seen.push(inode);
            let bytes =
                file::read(path, Limit::CERTIFICATES).with_context(|| certificates_of(path))?;
            // One after the other: a system has hundreds, and each is read at every start.
            self.roots.add_parsable_certificates(pem::certificates(&bytes));
        }
        Ok(())
    }

    /// Adds what can be read in a folder; others keep other files there, too.
    fn add_folder(&mut self, folder: &Path) {
        let paths = folder::paths(folder).with_context(|| certificates_of(folder));
        let added = paths.and_then(|paths| {
            let files = paths.iter().filter(|path| path.is_file());
            files.map(|path| self.add_file(path)).fold(Ok(()), Result::and)
        });
        if let Err(error) = added {
            self.fault.get_or_insert(error);
        }
    }

    /// The certificates; `last` is named where nothing was wrong, and there are none.
    fn finish(self, last: &Path) -> Result<RootCertStore> {
        match (self.roots.is_empty(), self.fault) {
            (false, _) => Ok(self.roots),
            (true, Some(fault)) => Err(fault),
            (true, None) => Err(anyhow!("contains no certificates").context(certificates_of(last))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    /// An authority as PEM.
    fn authority() -> String {
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::default().self_signed(&key);
        certificate.expect("a certificate").pem()
    }

    #[test]
    fn each_file_is_read_once_from_files_and_folders() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| fs::write(path(name), text).expect("it is written");
        for name in ["a", "b", "empty"] {
            fs::create_dir(path(name)).expect("a folder");
        }
        write("own.pem", &authority());
        write("a/one.pem", &authority());
        write("a/two.crt", &authority());
        write("a/README", "no certificate");
        std::os::unix::fs::symlink("one.pem", path("a/1234abcd.0")).expect("a link");
        std::os::unix::fs::symlink("missing", path("a/broken")).expect("a link");
        std::os::unix::fs::symlink("../own.pem", path("b/own")).expect("a link");
        let load = |file: Option<&str>, folders: &[&str]| {
            let join = |folders: &[&str]| {
                let paths: Vec<_> =
                    folders.iter().map(|name| path(name).display().to_string()).collect();
                paths.join(":").into()
            };
            let folders = (!folders.is_empty()).then(|| join(folders));
            let roots = Authorities { file: file.map(path), folders }.load();
            roots.map(|roots| roots.len()).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(load(Some("own.pem"), &[]), Ok(1));
        assert_eq!(load(None, &["a"]), Ok(2));
        assert_eq!(load(None, &["nowhere", "a", "b"]), Ok(3));
        assert_eq!(load(Some("own.pem"), &["b"]), Ok(1));
        assert_eq!(load(Some("a/README"), &["b"]), Ok(1));
        for (file, folders, why) in [
            (Some("a/README"), &[][..], "a/README: contains no certificates"),
            (None, &["empty"], "empty: contains no certificates"),
            (None, &["nowhere"], "nowhere: No such file or directory (os error 2)"),
            (None, &["elsewhere", "nowhere"], "elsewhere: No such file or directory (os error 2)"),
            (Some("nowhere"), &["a"], "nowhere: No such file or directory (os error 2)"),
        ] {
            let error = load(file, folders).expect_err(why);
            assert!(
                error.starts_with("certificate authorities: ") && error.ends_with(why),
                "{error}"
            );
        }
    }
}
