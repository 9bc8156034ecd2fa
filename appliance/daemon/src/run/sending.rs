//! What leaves the box, and what comes in beside media: the uplink, the box's certificate, commands.

use std::sync::Arc;

use anyhow::{Context, Result};
use mqtt::{Endpoint, Security};
use outbox::{Quota, Terms};
use tokio::sync::mpsc;
use wire::topic::Device;

use crate::clock::SystemClock;
use crate::commands::{self, Commands, Means};
use crate::config::{self, Accept, Config, Upload};
use crate::enrol::{self, Enrolment};
use crate::store::Opened;
use crate::uplink::{self, DayBytes, PlainLinks, Trust, Way};

/// Most files of clips that wait for upload: against running out of inodes.
const CLIP_FILES_MAX: u32 = 10_000;

/// Starts the uplink, and what does the commands that come over it.
pub(super) fn start(
    (clock, config): (&Arc<SystemClock>, &Config),
    opened: &Opened,
    means: Means,
) -> Result<uplink::Handle> {
    let mqtt = &config.mqtt;
    let endpoint = if mqtt.claim.is_some() {
        // Its certificate may be on its way still; the box records meanwhile.
        Endpoint::unproved(&mqtt.host, mqtt.port, &mqtt.security)
    } else {
        Endpoint::new(&mqtt.host, mqtt.port, &mqtt.security)
            .context("the connection to the broker cannot be made secure")?
    };
    let endpoint = endpoint.with_credentials(mqtt.credentials.clone());
    let (tenant, device) = (config.box_.tenant.clone(), config.box_.device.clone());
    let device = Device { tenant, device };
    if let Some(config::Claim { file, ca, identity }) = mqtt.claim.clone() {
        let (host, port) = (mqtt.host.clone(), mqtt.port);
        let enrolment = Enrolment { device: device.clone(), host, port, ca, claim: file, identity };
        enrol::start(enrolment, Arc::clone(clock));
    }
    let (ask, asked) = mpsc::channel(commands::ASKED_MAX);
    let uplink = uplink::Config {
        device: device.clone(),
        firmware: env!("CARGO_PKG_VERSION").to_owned(),
        endpoint,
        terms: Terms { ceiling: config.uplink.ceiling, ..uplink::Config::TERMS },
        way: way(config),
        gate: config.uplink.gate,
        day_bytes_max: DayBytes {
            clips: config.uplink.day_bytes_max,
            telemetry: config.uplink.telemetry_day_bytes_max,
        },
        quota: Quota { bytes: config.storage.clips_bytes, files: CLIP_FILES_MAX },
        commands: (config.commands.accept != Accept::None).then_some(ask),
    };
    let uplink = uplink::start(uplink, opened, Arc::clone(clock));
    let commands = Commands {
        clock: Arc::clone(clock),
        device,
        config: config.commands.clone(),
        store: opened.store.clone(),
        uplink: uplink.clone(),
        means,
    };
    commands::start(commands, asked);
    Ok(uplink)
}

fn way(config: &Config) -> Way {
    let plain = match config.mqtt.security {
        Security::Plain => PlainLinks::Followed,
        Security::Tls { .. } => PlainLinks::Refused,
    };
    match &config.uplink.upload {
        Upload::Mqtt => Way::Messages,
        Upload::S3 { ca } => Way::Links(Trust { ca: ca.clone(), plain }),
    }
}
