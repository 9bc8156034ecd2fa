//! The receiver's configuration: read once, validated whole.
//!
//! ```toml
//! schema = 1
//! [mqtt]
//! url = "mqtt://127.0.0.1:1883"   # mqtts:// with ca, and cert and key if the broker asks for them
//! [store]
//! db = "fleet.sqlite"              # or "postgres://USER:PASSWORD@HOST:5432/DATABASE"
//! db_ca = "ca.pem"                # with postgres://: TLS, with certificates that this one signed
//! clips = "clips/"                # or "s3://BUCKET/PREFIX", with the environment's credentials
//! spool = "spool/"                # with s3://: what is being received
//! clip_desks = 4                  # clips that are stored at once, each of another box; 1 if not said
//! [metrics]                       # optional
//! listen = "127.0.0.1:9464"
//! [replica]                       # one of several receivers; they share a PostgreSQL database
//! group = "receivers"             # the same for all of them
//! index = 0                       # another one for each of them, below count
//! count = 3
//! ```
//!
//! Relative paths count from the configuration file's folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use mqtt::{Credentials, Endpoint, EndpointError, Security, UrlError};
use serde::Deserialize;
use wire::ids::Name;

use crate::files::bucket::BucketName;
use crate::store::{Address, AddressError, Db};

const EXAMPLE: &str = "schema = 1\n[mqtt]\nurl = \"mqtt://127.0.0.1:1883\"\n[store]\ndb = \"fleet.sqlite\"\nclips = \"clips/\"";

/// Receivers of one group; each box's clips are hashed against every one of them.
const REPLICAS_MAX: u32 = 1_000;
/// Each has a connection to the broker and one to the database, and hears all births.
const CLIP_DESKS_MAX: u32 = 16;

/// A validated configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The broker.
    pub endpoint: Endpoint,
    /// Client id on the broker, without `-a` and `-b`. One receiver each: a second one with the
    /// same id takes the first one's place.
    pub client_id: String,
    /// The database.
    pub db: Db,
    /// Folder of what is being received, and of clips unless there is a bucket.
    pub clips: PathBuf,
    /// The bucket of clips, if they go to S3.
    pub bucket: Option<BucketName>,
    /// How many clips, each of another box, are stored at once; at least 1.
    pub clip_desks: u32,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// Which one of several receivers it is, if there are several.
    pub replica: Option<Replica>,
}

/// One receiver of a group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replica {
    /// Name of the shared subscription.
    pub group: Name,
    /// Which one it is, from 0.
    pub index: u32,
    /// How many there are.
    pub count: u32,
}

/// Why a configuration cannot be used. Each message names the file, the key and what to write.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: the configuration cannot be read: {error}; write one, such as\n{EXAMPLE}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// Not TOML, an unknown or missing key, or a value of another type.
    #[error("{}: {error}write it like this:\n{EXAMPLE}", file.display())]
    Toml {
        /// The file.
        file: PathBuf,
        /// What is wrong and where, by the TOML parser.
        error: Box<toml::de::Error>,
    },
    /// A value that cannot be.
    #[error("{}: `{key}` = {value}: {why}", file.display())]
    Value {
        /// The file.
        file: PathBuf,
        /// Section and key.
        key: &'static str,
        /// The value, unless it is secret.
        value: String,
        /// Why not, and what to write instead.
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: u32,
    mqtt: Mqtt,
    store: Store,
    metrics: Option<Scrape>,
    replica: Option<Replica>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scrape {
    listen: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mqtt {
    url: String,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    username: Option<String>,
    password: Option<String>,
    client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Store {
    db: String,
    db_ca: Option<PathBuf>,
    clips: String,
    spool: Option<PathBuf>,
    clip_desks: Option<u32>,
}

impl Config {
    /// Reads and validates the file.
    ///
    /// # Errors
    /// [`ConfigError`]; the process then ends with exit code 2.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigError::Unreadable { file: file.to_owned(), error })?;
        Self::read(file, &text)
    }

    /// Validates the text of the file at `file`.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let document: Document = toml::from_str(text)
            .map_err(|error| ConfigError::Toml { file: file.to_owned(), error: Box::new(error) })?;
        let refuse = |key, value: String, why: String| ConfigError::Value {
            file: file.to_owned(),
            key,
            value,
            why,
        };
        if document.schema != 1 {
            let why = "this version reads schema 1; write `schema = 1`".to_owned();
            return Err(refuse("schema", document.schema.to_string(), why));
        }
        let folder = file.parent().unwrap_or(Path::new(""));
        let Store { db, db_ca, clips, spool, clip_desks } = document.store;
        for (key, path) in [("store.db", &db), ("store.clips", &clips)] {
            if path.is_empty() {
                let why = "an empty path; write a path such as \"fleet.sqlite\" or \"clips/\"";
                return Err(refuse(key, "\"\"".to_owned(), why.to_owned()));
            }
        }
        let clip_desks = clip_desks.unwrap_or(1);
        if !(1..=CLIP_DESKS_MAX).contains(&clip_desks) {
            let why = format!("write how many clips are stored at once, 1 to {CLIP_DESKS_MAX}");
            return Err(refuse("store.clip_desks", clip_desks.to_string(), why));
        }
        let client_id = document.mqtt.client_id.as_deref().unwrap_or("courtside-fleet");
        if let Err(error) = client_id.parse::<Name>() {
            let why = format!("{error}; write a name such as \"fleet-1\"");
            return Err(refuse("mqtt.client_id", format!("{client_id:?}"), why));
        }
        let client_id = client_id.to_owned();
        let metrics = document.metrics.map(|metrics| {
            metrics.listen.parse().map_err(|error| {
                let why = format!("{error}; write an address such as \"127.0.0.1:9464\"");
                refuse("metrics.listen", format!("{:?}", metrics.listen), why)
            })
        });
        let metrics = metrics.transpose()?;
        let db = database((db, db_ca), folder, refuse)?;
        let (parts, bucket) =
            shelf(clips, spool).map_err(|(key, value, why)| refuse(key, value, why))?;
        let mut client_id = client_id;
        if let Some(replica) = &document.replica {
            check(replica, &db).map_err(|(key, value, why)| refuse(key, value, why))?;
            client_id = format!("{client_id}-{}", replica.index);
        }
        Ok(Self {
            endpoint: endpoint(document.mqtt, folder, refuse)?,
            client_id,
            db,
            clips: folder.join(parts),
            bucket,
            clip_desks,
            metrics,
            replica: document.replica,
        })
    }
}

/// The folder of what is being received, and the bucket.
fn shelf(clips: String, spool: Option<PathBuf>) -> Result<(PathBuf, Option<BucketName>), Refusal> {
    match (clips.starts_with("s3://"), spool) {
        (false, None) => Ok((clips.into(), None)),
        (false, Some(spool)) => {
            let why = "only clips that go to \"s3://…\" are received elsewhere first; remove it";
            Err(("store.spool", format!("{:?}", spool.display().to_string()), why.to_owned()))
        }
        (true, spool) => {
            let name = BucketName::read(&clips).ok_or_else(|| {
                let why = "it names no bucket; write \"s3://BUCKET/PREFIX\"";
                ("store.clips", format!("{clips:?}"), why.to_owned())
            })?;
            Ok((spool.unwrap_or_else(|| "spool".into()), Some(name)))
        }
    }
}

/// Key, value and reason of what does not fit.
type Refusal = (&'static str, String, String);

fn check(replica: &Replica, db: &Db) -> Result<(), Refusal> {
    let Replica { index, count, .. } = replica;
    if !(1..=REPLICAS_MAX).contains(count) {
        let why = format!("write how many receivers there are, 1 to {REPLICAS_MAX}");
        return Err(("replica.count", count.to_string(), why));
    }
    if index >= count {
        let why = format!("receivers are numbered from 0; write a number below {count}");
        return Err(("replica.index", index.to_string(), why));
    }
    match db {
        Db::Postgres(_) => Ok(()),
        Db::Sqlite(path) => {
            let why = "several receivers need one database, and an SQLite file is for one; write \
                       \"postgres://USER:PASSWORD@HOST:5432/DATABASE\", or remove [replica]";
            Err(("store.db", format!("{:?}", path.display().to_string()), why.to_owned()))
        }
    }
}

fn database(
    (db, ca): (String, Option<PathBuf>),
    folder: &Path,
    refuse: impl Fn(&'static str, String, String) -> ConfigError,
) -> Result<Db, ConfigError> {
    let ca = ca.map(|ca| folder.join(ca));
    let of_ca = |ca: &Path| format!("{:?}", ca.display().to_string());
    if !["postgres://", "postgresql://"].iter().any(|scheme| db.starts_with(scheme)) {
        return match ca {
            None => Ok(Db::Sqlite(folder.join(db))),
            Some(ca) => {
                let why = "only a connection to \"postgres://…\" has TLS; remove it";
                Err(refuse("store.db_ca", of_ca(&ca), why.to_owned()))
            }
        };
    }
    let address = Address::read(&db, ca.as_deref()).map_err(|error| match error {
        // The address may hold a password, so it is not shown.
        AddressError::Url(why) => {
            let why = format!("{why}; write \"postgres://USER:PASSWORD@HOST:5432/DATABASE\"");
            refuse("store.db", "\"postgres://…\"".to_owned(), why)
        }
        AddressError::Ca(why) => {
            refuse("store.db_ca", ca.as_deref().map_or_else(String::new, of_ca), why)
        }
    });
    address.map(Db::Postgres)
}

fn endpoint(
    mqtt: Mqtt,
    folder: &Path,
    refuse: impl Fn(&'static str, String, String) -> ConfigError,
) -> Result<Endpoint, ConfigError> {
    let (host, port, scheme) = Endpoint::split_url(&mqtt.url).map_err(|error| {
        let value = match error {
            UrlError::Userinfo => "\"…\"".to_owned(),
            UrlError::Scheme | UrlError::Host => format!("{:?}", mqtt.url),
        };
        refuse("mqtt.url", value, error.to_string())
    })?;
    let client = match (mqtt.cert, mqtt.key) {
        (None, None) => None,
        (Some(cert), Some(key)) => Some((folder.join(cert), folder.join(key))),
        (Some(cert), None) => {
            let why = "a certificate needs its key; add `key`, or remove `cert`".to_owned();
            return Err(refuse("mqtt.cert", cert.display().to_string(), why));
        }
        (None, Some(key)) => {
            let why = "a key needs its certificate; add `cert`, or remove `key`".to_owned();
            return Err(refuse("mqtt.key", key.display().to_string(), why));
        }
    };
    let security = match (scheme, mqtt.ca) {
        ("mqtts", Some(ca)) => Security::Tls { ca: folder.join(ca), client },
        ("mqtts", None) => {
            let why = "TLS needs to know whom to trust; add `ca = \"ca.pem\"`, on Debian for example \"/etc/ssl/certs/ca-certificates.crt\"";
            return Err(refuse("mqtt.url", mqtt.url, why.to_owned()));
        }
        (_, None) if client.is_none() => Security::Plain,
        (_, Some(_) | None) => {
            let why = "`ca`, `cert` and `key` need TLS; write `mqtts://` in `url`, or remove them";
            return Err(refuse("mqtt.url", mqtt.url, why.to_owned()));
        }
    };
    let credentials = match (mqtt.username, mqtt.password) {
        (None, None) => None,
        (Some(username), Some(password)) => Some(Credentials { username, password }),
        (Some(username), None) => {
            let why = "a user name needs its password; add `password`, or remove `username`";
            return Err(refuse("mqtt.username", format!("{username:?}"), why.to_owned()));
        }
        (None, Some(_)) => {
            let why = "a password needs its user name; add `username`, or remove `password`";
            return Err(refuse("mqtt.password", "\"…\"".to_owned(), why.to_owned()));
        }
    };
    let endpoint = Endpoint::new(&host, port, &security).map_err(|error| match error {
        EndpointError::Pem { ref file, role, .. } => {
            let key = match role {
                "a private key" => "mqtt.key",
                "a certificate chain" => "mqtt.cert",
                _trusted => "mqtt.ca",
            };
            refuse(key, file.display().to_string(), error.to_string())
        }
        EndpointError::Tls(_) => refuse("mqtt.cert", "…".to_owned(), error.to_string()),
    })?;
    Ok(endpoint.with_credentials(credentials))
}
