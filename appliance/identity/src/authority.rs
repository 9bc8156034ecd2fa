//! The authority: whom it believes, and what it signs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;
use webpki::ring::ECDSA_P256_SHA256;
use webpki::{EndEntityCert, KeyUsage};
use wire::enrol::EnrolRequest;
use wire::envelope::VERSION;
use wire::ids::Name;
use wire::time::WallTime;
use wire::topic::Device;

use crate::{Certificate, CertificateError, Holder, Key, KeyError, topic};

/// Clocks of boxes and authorities differ; a certificate counts from so much before it was made.
const CLOCKS_DIFFER_S: i64 = 3_600;
const DAY_S: i64 = 86_400;

/// An authority with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    pem: String,
}

/// Why there is no authority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// No key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// One of them belongs to something else, or may not sign.
    #[error("the certificate is not one of an authority with this key: {0}")]
    Unfit(String),
}

/// A request that was found good.
#[derive(Debug)]
pub struct Granted {
    /// For which box.
    pub device: Device,
    /// Who vouched.
    pub voucher: Holder,
    key: CertificateSigningRequestParams,
}

/// Why a request is refused: a sentence with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl Granted {
    /// The public key that it is for, as in a certificate.
    pub fn public_key(&self) -> &[u8] {
        self.key.public_key.der_bytes()
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(…)")
    }
}

impl Authority {
    /// Makes an authority; returns its certificate and its key as PEM.
    pub fn create(name: &str, days: u32, now: WallTime) -> (String, String) {
        let key = Key::generate();
        let mut params = params(name, days, now);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key.0).expect("an authority signs itself");
        (certificate.pem(), key.to_pem())
    }

    /// The authority with this certificate and key.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, AuthorityError> {
        let (read, key) = (Certificate::from_pem(certificate)?, Key::from_pem(key)?);
        let unfit = |why: String| AuthorityError::Unfit(why);
        if !key.fits(&read) {
            return Err(unfit("the key is another one".to_owned()));
        }
        if !read.is_authority() {
            return Err(unfit("it may not sign others".to_owned()));
        }
        let issuer = Issuer::from_ca_cert_pem(certificate, key.0)
            .map_err(|error| unfit(error.to_string()))?;
        webpki::anchor_from_trusted_cert(&read.der).map_err(|error| unfit(error.to_string()))?;
        Ok(Self { issuer, root: read.der, pem: certificate.to_owned() })
    }

    /// Its certificate as PEM: what boxes and brokers trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A claim, with which boxes of a tenant may be set up: its certificate and key in one PEM text.
    pub fn claim(&self, tenant: &Name, days: u32, now: WallTime) -> String {
        let name = Holder::Claim(tenant.clone()).common_name();
        let mut params = params(&name, days, now);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.with_key(&params)
    }

    /// Certificate and key, in one PEM text, of a program that is no box: a receiver, an operator's
    /// tool. Its name is that of no box and no claim, so it vouches for nobody.
    pub fn client(&self, name: &Name, days: u32, now: WallTime) -> String {
        let mut params = params(name.as_str(), days, now);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.with_key(&params)
    }

    /// A broker's certificate and key in one PEM text.
    ///
    /// # Errors
    /// A host is no name or address that a certificate can hold.
    pub fn broker(&self, hosts: &[String], days: u32, now: WallTime) -> Result<String, Refusal> {
        let first = hosts.first().map_or("broker", String::as_str);
        let mut params = params(first, days, now);
        let names = CertificateParams::new(hosts)
            .map_err(|error| Refusal(format!("no certificate for {hosts:?}: {error}")))?;
        params.subject_alt_names = names.subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        Ok(self.with_key(&params))
    }

    fn with_key(&self, params: &CertificateParams) -> String {
        let key = Key::generate();
        let certificate = params.signed_by(&key.0, &self.issuer).expect("an authority signs");
        certificate.pem() + &key.to_pem()
    }

    /// Whether a request that came on the topic of `device` may be granted: the voucher is one of
    /// ours, counts at `now`, is that box's own or a claim of its tenant, and has signed the
    /// request for this topic; and whoever made the request has its key.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn judge(
        &self,
        device: &Device,
        asked: &EnrolRequest,
        now: WallTime,
    ) -> Result<Granted, Refusal> {
        let refuse = |why: String| Refusal(why);
        if asked.v != VERSION {
            return Err(refuse(format!("version {} is not read here, {VERSION} is", asked.v)));
        }
        let voucher = Certificate::from_pem(&asked.voucher)
            .map_err(|error| refuse(format!("the voucher is {error}")))?;
        let holder = match voucher.holder() {
            Some(Holder::Box(own)) if own == device => Holder::Box(own.clone()),
            Some(Holder::Claim(tenant)) if *tenant == device.tenant => {
                Holder::Claim(tenant.clone())
            }
            Some(other) => {
                let box_ = Holder::Box(device.clone());
                return Err(refuse(format!("the {other} cannot vouch for {box_}")));
            }
            None => return Err(refuse("the voucher names neither a box nor a claim".to_owned())),
        };
        self.check(&voucher, (device, asked), now)?;
        let key = CertificateSigningRequestParams::from_pem(&asked.request)
            .map_err(|error| refuse(format!("the certificate request cannot be used: {error}")))?;
        Ok(Granted { device: device.clone(), voucher: holder, key })
    }

    fn check(
        &self,
        voucher: &Certificate,
        (device, asked): (&Device, &EnrolRequest),
        now: WallTime,
    ) -> Result<(), Refusal> {
        let refuse = |why: String| Refusal(why);
        let anchor = webpki::anchor_from_trusted_cert(&self.root);
        let anchor = anchor.expect("it was read when the authority was");
        let seconds = u64::try_from(now.0 / 1_000_000).unwrap_or(0);
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let holder = EndEntityCert::try_from(&voucher.der)
            .map_err(|error| refuse(format!("the voucher cannot be read: {error}")))?;
        holder
            .verify_for_usage(
                &[ECDSA_P256_SHA256],
                &[anchor],
                &[],
                time,
                KeyUsage::client_auth(),
                None,
                None,
            )
            .map_err(|error| {
                refuse(format!(
                    "the voucher does not count here and now: {error}; give the box a claim of \
                     this authority that has not ended"
                ))
            })?;
        let signature = STANDARD
            .decode(asked.signature.as_str())
            .map_err(|error| refuse(format!("the signature is no base64: {error}")))?;
        let message = format!("{}\n{}", topic(device), asked.request);
        holder
            .verify_signature(ECDSA_P256_SHA256, message.as_bytes(), &signature)
            .map_err(|_| refuse("the voucher did not sign this request for this box".to_owned()))
    }

    /// The certificate of a request that was granted, as PEM. Nothing that the request says counts
    /// but its key.
    pub fn issue(&self, granted: &Granted, days: u32, now: WallTime) -> String {
        let name = Holder::Box(granted.device.clone()).common_name();
        let mut params = params(&name, days, now);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&granted.key.public_key, &self.issuer);
        certificate.expect("an authority signs").pem()
    }
}

/// A certificate for `days` from now. Its serial number is made of its key.
fn params(name: &str, days: u32, now: WallTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let at = |seconds: i64| {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    let now_s = now.0 / 1_000_000;
    params.not_before = at(now_s - CLOCKS_DIFFER_S);
    params.not_after = at(now_s + i64::from(days) * DAY_S);
    params
}
