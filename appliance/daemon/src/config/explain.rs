//! What the box understood from its configuration, for `courtside check-config`. Defaults are
//! shown like written values; secrets are not shown.

use std::fmt;

use mqtt::Security;
use outbox::{GameLock, Hours};
use pipeline::remote::Price;
use wire::units::Milliwatts;

use super::{
    Accept, BoardChoice, Camera, Card, Certificate, Commands, Config, Engine, EngineChoice,
    Governor, Input, Pace, RemoteModel, Source, Sport, SrtTerms, TierChoice, Transport, Uplink,
    Upload,
};

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            box_,
            mqtt,
            sources,
            clips,
            uplink,
            commands,
            storage,
            codecs,
            models,
            governor,
            remote,
        } = self;
        writeln!(f, "box      {} of tenant {}", box_.device, box_.tenant)?;
        writeln!(f, "data     {}", box_.data_dir.display())?;
        match &box_.board {
            BoardChoice::Detected => writeln!(f, "board    what the box says of itself")?,
            BoardChoice::Named(board) => writeln!(f, "board    {} ({})", board.name, board.title)?,
        }
        let security = match &mqtt.security {
            Security::Plain => "without TLS".to_owned(),
            Security::Tls { ca, client: None } => format!("TLS, signed by {}", ca.display()),
            Security::Tls { ca, client: Some((own, _)) } if mqtt.claim.is_some() => {
                format!(
                    "TLS, signed by {}, own certificate asked for and kept in {}",
                    ca.display(),
                    own.display()
                )
            }
            Security::Tls { ca, client: Some((cert, _)) } => {
                format!("TLS, signed by {}, own certificate {}", ca.display(), cert.display())
            }
        };
        let user = mqtt.credentials.as_ref().map(|own| format!(", as user {}", own.username));
        let user = user.unwrap_or_default();
        writeln!(f, "broker   {} port {}, {security}{user}", mqtt.host, mqtt.port)?;
        sources.iter().try_for_each(|source| writeln!(f, "source   {source}"))?;
        let kinds: Vec<&str> = clips.kinds.iter().map(|kind| kind.as_str()).collect();
        writeln!(
            f,
            "clips    of {}: {} s before, {} s after, at most {} s",
            if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") },
            clips.pre_roll.as_secs_f64(),
            clips.post_roll.as_secs_f64(),
            clips.max.as_secs_f64()
        )?;
        writeln!(f, "uplink   {uplink}")?;
        writeln!(f, "obeys    {commands}")?;
        writeln!(
            f,
            "storage  {} MiB of recordings, {} MiB of clips",
            storage.recordings_bytes >> 20,
            storage.clips_bytes >> 20
        )?;
        writeln!(f, "codecs   decoder {}", codecs.decoder)?;
        writeln!(f, "governor {governor}")?;
        if let Some(players) = &remote.players {
            writeln!(f, "remote   players {players}")?;
        }
        let tier = match models.tier {
            TierChoice::Auto => "chosen by the governor",
            TierChoice::Nano => "nano",
            TierChoice::Small => "small",
            TierChoice::Full => "full",
        };
        write!(f, "models   {}, tier {tier}, run by {}", models.packs.display(), models.engine)
    }
}

impl fmt::Display for Uplink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.gate.hours {
            Some(Hours { from, to }) => {
                let [from_h, from_m, to_h, to_m] = [from / 60, from % 60, to / 60, to % 60];
                write!(f, "clips {from_h:02}:{from_m:02}-{to_h:02}:{to_m:02}")?;
            }
            None => f.write_str("clips at any time")?,
        }
        match self.ceiling {
            Some(bytes) => write!(f, ", at most {} kbit/s", bytes / 125)?,
            None => f.write_str(", what events leave of the line")?,
        }
        if let Some(bytes) = self.day_bytes_max {
            write!(f, ", {} MB a day", bytes as f64 / 1e6)?;
        }
        match self.gate.lock {
            GameLock::Backlog => f.write_str(", those of earlier games not during play")?,
            GameLock::Off => {}
        }
        if let Upload::S3 { ca } = &self.upload {
            write!(f, ", into the receiver's bucket (TLS by {})", ca.display())?;
        }
        match self.telemetry_day_bytes_max {
            Some(bytes) => write!(f, "; telemetry {} MB a day", bytes as f64 / 1e6),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.accept {
            Accept::None => f.write_str("no commands over MQTT"),
            Accept::Signed => write!(f, "commands that a key in {} signed", self.keys.display()),
            Accept::All => f.write_str("commands of everybody whom the broker lets send some"),
        }
    }
}

impl fmt::Display for Governor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mode.as_str())?;
        match self.power_max {
            Some(Milliwatts(max)) => write!(f, ", at most {} W", f64::from(max) / 1_000.0),
            None => f.write_str(", no limit of power"),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let library = match &self.library {
            Some(library) => library.display().to_string(),
            None => "the library of the system".to_owned(),
        };
        match self.choice {
            EngineChoice::Auto => write!(f, "ONNX Runtime if there is {library}, else by tract"),
            EngineChoice::Tract => f.write_str("tract"),
            EngineChoice::OnnxRuntime => write!(f, "ONNX Runtime, {library}"),
            EngineChoice::Cuda => write!(f, "CUDA through ONNX Runtime, {library}"),
            EngineChoice::TensorRt => write!(f, "TensorRT through ONNX Runtime, {library}"),
        }
    }
}

impl fmt::Display for RemoteModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "by model {}", self.model)?;
        if let Some(version) = &self.version {
            write!(f, " version {version}")?;
        }
        let deadline = self.terms.deadline.as_millis();
        write!(f, " at {}, within {deadline} ms or by the box itself; ", self.url.as_str())?;
        match (self.terms.cost, self.terms.budget) {
            (Price(0), _) => f.write_str("calls cost nothing"),
            (cost, budget) => write!(f, "{cost} a call, at most {budget} a game"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sport = match self.sport {
            Sport::Basketball => "basketball",
        };
        write!(f, "{}: {sport}, ", self.name)?;
        match &self.input {
            Input::Rtmp { listen, app, tls, idle_timeout, .. } => {
                let scheme = if tls.is_some() { "rtmps" } else { "rtmp" };
                let silence = idle_timeout.as_secs_f64();
                write!(
                    f,
                    "RTMP publisher to {scheme}://{listen}/{app}/(key), dropped after {silence} s \
                     of silence"
                )?;
                if let Some(Certificate { cert, .. }) = tls {
                    write!(f, ", TLS with {}", cert.display())?;
                }
            }
            Input::Rtsp(camera) => camera.fmt(f)?,
            Input::File { path, pace } => write!(f, "file {} {pace}", path.display())?,
            Input::SrtListen { listen, terms } => {
                let stream = terms.stream.as_deref().unwrap_or("any");
                write!(f, "SRT publisher to srt://{listen}, stream {stream}, {terms}")?;
            }
            Input::SrtCall { address, terms } => {
                write!(f, "SRT publisher that is called at srt://{address}, {terms}")?;
            }
            Input::Hls { height_max, .. } => {
                write!(f, "HLS stream pulled from (url), at most {height_max} lines")?;
            }
            Input::V4l2(card) => write!(f, "{card}")?,
            Input::Watch { folder, pace } => {
                write!(f, "files that are copied into {}, {pace}", folder.display())?;
            }
        }
        match self.hoops.len() {
            0 => write!(f, ", hoops are searched"),
            1 => write!(f, ", 1 marked hoop"),
            count => write!(f, ", {count} marked hoops"),
        }?;
        match self.board.len() {
            0 => Ok(()),
            1 => write!(f, ", 1 field of the board is read"),
            count => write!(f, ", {count} fields of the board are read"),
        }
    }
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, input, pixels, size, rate, bitrate } = self;
        write!(f, "captured from {}", device.display())?;
        if let Some(input) = input {
            write!(f, ", input {input}")?;
        }
        match pixels {
            Some(pixels) => write!(f, ", as {pixels}")?,
            None => write!(f, ", in the best format that it has")?,
        }
        if let Some(size) = size {
            write!(f, ", {}x{} unless its signal says otherwise", size.width, size.height)?;
        }
        if let Some(rate) = rate {
            write!(f, ", {rate} pictures a second unless its signal says otherwise")?;
        }
        match bitrate {
            Some(bits) => write!(f, ", recorded at {} kbit/s", bits.0 / 1_000),
            None => write!(f, ", recorded at a rate that suits it"),
        }
    }
}

impl fmt::Display for SrtTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encrypted = if self.passphrase.is_some() { "encrypted" } else { "NOT encrypted" };
        write!(
            f,
            "{encrypted}, latency {} ms, dropped after {} s of silence",
            self.latency.as_millis(),
            self.idle_timeout.as_secs_f64()
        )
    }
}

impl fmt::Display for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.login.as_ref().map(|login| format!(" as user {}", login.username));
        let transport = match self.transport {
            Transport::Tcp => "over TCP",
            Transport::Udp => "over UDP",
        };
        write!(
            f,
            "RTSP camera pulled from (url){}, {transport}, taken up anew after {} s of silence",
            user.unwrap_or_default(),
            self.idle_timeout.as_secs_f64()
        )
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RealTime => "in real time",
            Self::Fast => "as fast as possible",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_engine_is_written_and_told_by_words_of_its_own() {
        let told = |(name, choice): (&str, EngineChoice)| {
            assert_eq!((name.parse(), choice.as_str()), (Ok(choice), name));
            Engine { choice, library: None }.to_string()
        };
        let told: BTreeSet<String> = EngineChoice::NAMES.into_iter().map(told).collect();
        assert_eq!(told.len(), EngineChoice::NAMES.len(), "{told:?}");
    }
}
