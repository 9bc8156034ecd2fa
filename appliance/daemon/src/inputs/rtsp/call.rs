//! One call of a camera, through the `retina` crate: what it answers, and its frames.
//!
//! Owns what is asked of a camera, and puts the crate's words for what went wrong into those that
//! help a technician. No secret leaves in them.

use bytes::Bytes;
use futures_lite::StreamExt;
use hal::Clock;
use ingest::access_unit::Track;
use ingest::rtp::{Frame, Stamp};
use retina::client::{
    Credentials, Demuxed, InitialTimestampPolicy, PlayOptions, Session, SessionOptions,
    SetupOptions, TcpTransportOptions, UdpTransportOptions,
};
use retina::codec::{AudioFrame, CodecItem, ParametersRef, VideoFrame};
use url::Url;
use wire::codec::VideoCodec;
use wire::time::Monotonic;

use crate::clock::SystemClock;
use crate::config::{Camera, Login, Transport};

/// Where cameras listen unless their address says otherwise.
const RTSP_PORT: u16 = 554;

/// Why a camera's stream is not had, or no longer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// Not by this name and password.
    #[error(
        "the camera does not take this user name and password; correct `username` and `password`, \
         and look whether the camera has locked itself"
    )]
    Stranger,
    /// Not without name and password.
    #[error("the camera asks for a user name and a password; write `username` and `password`")]
    Nameless,
    /// Nothing under this path.
    #[error("the camera has no stream under this address; its manual names the path for `url`")]
    NoStream,
    /// Sound or data alone.
    #[error("the camera's stream has no video; its manual names the path of one that has")]
    NoVideo,
    /// Video that the box does not decode.
    #[error("its video is in {0}, which is not taken; set the camera to H.264 or H.265")]
    Codec(String),
    /// Nobody there, or no way.
    #[error(
        "the camera cannot be reached: {0}; look at its power, its network and the host in `url`"
    )]
    Unreachable(String),
    /// The camera hung up.
    #[error("it ended its stream")]
    HungUp,
    /// Anything else that the crate says.
    #[error("{0}")]
    Other(String),
}

/// What a camera answered.
pub(super) struct Answer {
    pub(super) stream: Stream,
    pub(super) codec: VideoCodec,
    /// Host and port, for people.
    pub(super) peer: String,
    /// Codec of sound that is not taken.
    pub(super) sound_refused: Option<String>,
}

/// What a camera sends.
pub(super) enum Came {
    /// A picture; `record`: its track's configuration, when it is new.
    Picture { frame: Frame, record: Option<Vec<u8>> },
    /// A frame of sound; `record` as of pictures.
    Sound { frame: Frame, record: Option<Bytes> },
}

/// A camera's frames.
pub(super) struct Stream {
    demuxed: Demuxed,
    words: Words,
    video_known: bool,
    audio_known: bool,
}

/// Calls a camera, and asks for its video, and its sound if it is AAC.
pub(super) async fn camera(camera: &Camera) -> Result<Answer, Refusal> {
    // The configuration was checked when it was read.
    let url = Url::parse(camera.url.expose()).map_err(|error| Refusal::Other(error.to_string()))?;
    let words = Words { url: url.clone(), has_login: camera.login.is_some() };
    let login = |login: &Login| Credentials {
        username: login.username.clone(),
        password: login.password.expose().to_owned(),
    };
    let options = SessionOptions::default().creds(camera.login.as_ref().map(login));
    let described = Session::describe(url, options).await;
    let mut session = described.map_err(|error| words.before(&error))?;
    let (video, codec) = video(session.streams())?;
    let setup = || {
        SetupOptions::default().transport(match camera.transport {
            Transport::Tcp => retina::client::Transport::Tcp(TcpTransportOptions::default()),
            Transport::Udp => retina::client::Transport::Udp(UdpTransportOptions::default()),
        })
    };
    session.setup(video, setup()).await.map_err(|error| words.before(&error))?;
    let streams = session.streams().iter();
    let sound = streams.clone().position(|s| s.media() == "audio" && s.encoding_name() == AAC);
    let other = streams.clone().find(|s| s.media() == "audio").map(|s| s.encoding_name());
    let sound_refused = other.filter(|_| sound.is_none()).map(plain);
    if let Some(sound) = sound {
        session.setup(sound, setup()).await.map_err(|error| words.before(&error))?;
    }
    // Cameras that do not say how their tracks lie to each other are taken all the same.
    let play = PlayOptions::default().initial_timestamp(InitialTimestampPolicy::Permissive);
    let playing = session.play(play).await.map_err(|error| words.before(&error))?;
    let demuxed = playing.demuxed().map_err(|error| words.before(&error))?;
    let peer = words.peer();
    let stream = Stream { demuxed, words, video_known: false, audio_known: false };
    Ok(Answer { stream, codec, peer, sound_refused })
}

/// What SDP calls AAC.
const AAC: &str = "mpeg4-generic";

/// The first video that the box takes.
fn video(streams: &[retina::client::Stream]) -> Result<(usize, VideoCodec), Refusal> {
    let mut refused = None;
    for (number, stream) in streams.iter().enumerate() {
        match (stream.media(), stream.encoding_name()) {
            ("video", "h264") => return Ok((number, VideoCodec::H264)),
            ("video", "h265") => return Ok((number, VideoCodec::H265)),
            ("video", other) => refused = refused.or(Some(plain(other))),
            (_, _) => {}
        }
    }
    Err(refused.map_or(Refusal::NoVideo, Refusal::Codec))
}

impl Stream {
    /// The next frame of a track that was asked for.
    pub(super) async fn next(&mut self, clock: &SystemClock) -> Result<Came, Refusal> {
        loop {
            let item = match self.demuxed.next().await {
                Some(Ok(item)) => item,
                Some(Err(error)) => return Err(self.words.during(&error)),
                None => return Err(Refusal::HungUp),
            };
            let arrived = clock.now();
            if let CodecItem::VideoFrame(frame) = item {
                return Ok(self.picture(frame, arrived));
            }
            if let CodecItem::AudioFrame(frame) = item {
                return Ok(self.sound(frame, arrived));
            }
            // Reports, and data that was not asked for.
        }
    }

    fn picture(&mut self, frame: VideoFrame, arrived: Monotonic) -> Came {
        let (id, at, lost_packets) = (frame.stream_id(), stamp(frame.timestamp()), frame.loss());
        let wanted = frame.has_new_parameters() || !self.video_known;
        let record = match self.demuxed.streams()[id].parameters() {
            Some(ParametersRef::Video(found)) if wanted => Some(found.extra_data().to_vec()),
            Some(_) | None => None,
        };
        self.video_known |= record.is_some();
        let (track, data) = (Track::Video, Bytes::from(frame.into_data()));
        Came::Picture { frame: Frame { track, at, data, lost_packets, arrived }, record }
    }

    fn sound(&mut self, frame: AudioFrame, arrived: Monotonic) -> Came {
        let (id, at, lost_packets) = (frame.stream_id(), stamp(frame.timestamp()), frame.loss());
        let wanted = !self.audio_known;
        let record = match self.demuxed.streams()[id].parameters() {
            Some(ParametersRef::Audio(found)) if wanted => {
                Some(Bytes::copy_from_slice(found.extra_data()))
            }
            Some(_) | None => None,
        };
        self.audio_known |= record.is_some();
        let (track, data) = (Track::Audio, Bytes::copy_from_slice(frame.data()));
        Came::Sound { frame: Frame { track, at, data, lost_packets, arrived }, record }
    }
}

fn stamp(at: retina::Timestamp) -> Stamp {
    Stamp { ticks: at.elapsed(), clock_hz: at.clock_rate().get() }
}

/// Puts what went wrong into words.
struct Words {
    url: Url,
    has_login: bool,
}

impl Words {
    fn peer(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        format!("{host}:{}", self.url.port().unwrap_or(RTSP_PORT))
    }

    /// Of a stream that has not begun.
    fn before(&self, error: &retina::Error) -> Refusal {
        match error.status_code() {
            Some(401 | 403) if self.has_login => Refusal::Stranger,
            Some(401 | 403) => Refusal::Nameless,
            Some(404 | 410) => Refusal::NoStream,
            Some(_) => {
                Refusal::Other(format!("the camera's answer is of no use: {}", self.reason(error)))
            }
            None => Refusal::Unreachable(self.reason(error)),
        }
    }

    /// Of a stream that came.
    fn during(&self, error: &retina::Error) -> Refusal {
        Refusal::Other(self.reason(error))
    }

    /// The crate's first words, without ports, times and bytes, which differ each time, and without
    /// the address, which may hold a secret.
    fn reason(&self, error: &retina::Error) -> String {
        let whole = error.to_string();
        let first = whole.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        let hidden = first.replace(self.url.as_str(), "(url)");
        let path = self.url.path();
        let hidden = if path.len() > 1 { hidden.replace(path, "/(path)") } else { hidden };
        let hidden = match self.url.query() {
            Some(query) if !query.is_empty() => hidden.replace(query, "(query)"),
            Some(_) | None => hidden,
        };
        // Some of it is the camera's own.
        hidden.chars().filter(|c| !c.is_control()).take(REASON_MAX).collect()
    }
}

/// Characters of a reason that stand in a log and in a notice.
const REASON_MAX: usize = 200;

/// A camera's word, as far as it may stand in a log.
fn plain(word: &str) -> String {
    word.chars().filter(char::is_ascii_graphic).take(32).collect()
}
