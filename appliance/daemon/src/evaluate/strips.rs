//! Picture strips of moments: what the box had to see, so that a person can judge its mistakes.
//!
//! Owns the memory of where the hoops were, and the second pass over the video that cuts the
//! pictures out. Decides nothing.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use futures_lite::future::block_on;
use hal::PixelFormat;
use hal::decode::DecodeVideo;
use hal::surface::{HostPicture, Surface, SurfacePool};
use libav::file::{Reader, Track};
use pipeline::inference::Report;
use pipeline::links::Detections;
use wire::time::{MediaSpan, MediaTime};
use wire::units::PixelBox;

use super::finding::Believed;
use crate::stages::spawn;

/// Pictures of a strip, one every [`SPACING`].
const PICTURES: usize = 16;
/// The rim lane's own spacing.
const SPACING: MediaSpan = MediaSpan::from_millis(80);
/// Of these, before the moment.
const BEFORE: usize = 6;
/// Side of one picture in pixels.
const SIDE: usize = 112;
/// Side of what it shows, in hoop-box widths.
const WIDTHS: f32 = 5.0;
/// A strip has its pictures in two rows.
const COLUMNS: usize = PICTURES / 2;

/// Where the hoops of a video were, frame by frame.
#[derive(Debug, Default)]
pub(super) struct Seen {
    frames: Vec<Believed>,
}

impl Seen {
    /// Takes notes from now on until inference stops.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub(super) fn watch(detections: &Arc<Detections>) -> Result<JoinHandle<Self>> {
        let detections = Arc::clone(detections);
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let thread = spawn("strips", move || {
            let mut seen = Self::default();
            let mut reports = detections.subscriber().expect("two of four subscribers are used");
            ready.send(()).expect("watch() waits for this");
            loop {
                match block_on(reports.next_message_pure()) {
                    Report::Frame(frame) => {
                        let hoop = |hoop: &pipeline::inference::HoopReport| {
                            (hoop.name.to_string(), hoop.area)
                        };
                        seen.frames.push((frame.at, frame.hoops.iter().map(hoop).collect()));
                    }
                    Report::Ended { .. } => {}
                    Report::Shutdown => return seen,
                }
            }
        })?;
        is_ready.recv().context("the thread that notes where hoops are stopped")?;
        Ok(thread)
    }

    /// Every frame, in order.
    pub(super) fn frames(&self) -> &[Believed] {
        &self.frames
    }

    /// Where a hoop was; the first of them if it is not said which, or not known by that name.
    fn area(&self, at: MediaTime, hoop: Option<&str>) -> Option<PixelBox> {
        let after = self.frames.partition_point(|(t, _)| *t < at);
        let (_, hoops) = self.frames.get(after).or(self.frames.last())?;
        let named = hoops.iter().find(|(name, _)| Some(name.as_str()) == hoop);
        named.or(hoops.first()).map(|(_, area)| *area)
    }
}

/// What a strip is to show.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// Its middle, nearly.
    pub(super) at: MediaTime,
    /// At which hoop, if that is known.
    pub(super) hoop: Option<String>,
}

/// One PNG a moment. Where the box knew no hoop, the whole picture is shown.
///
/// # Errors
/// The video cannot be read or decoded a second time.
pub(super) fn strips(video: &Path, seen: &Seen, moments: &[Moment]) -> Result<Vec<Vec<u8>>> {
    let mut sheets: Vec<Sheet> = moments.iter().map(Sheet::new).collect();
    let mut reader = Reader::open(video)?;
    let config = reader.video().config.clone();
    let mut decoder = libav::video::Decoder::open(&config, SurfacePool::new(4))?;
    let mut show = |surface: Surface| {
        for sheet in &mut sheets {
            sheet.show(&surface, seen);
        }
    };
    for unit in &mut reader {
        let unit = unit?;
        if unit.track == Track::Video {
            // What cannot be decoded was not analysed either, and stays black.
            let _ = decoder.decode(unit.packet(), &mut show);
        }
    }
    let _ = decoder.drain(&mut show);
    sheets.iter().map(Sheet::png).collect()
}

/// A strip in the making.
struct Sheet {
    moment: Moment,
    /// Pictures that it has.
    shown: usize,
    rgb: Vec<u8>,
}

impl Sheet {
    fn new(moment: &Moment) -> Self {
        Self { moment: moment.clone(), shown: 0, rgb: vec![0; PICTURES * SIDE * SIDE * 3] }
    }

    /// Adds the picture if the next place is its.
    fn show(&mut self, surface: &Surface, seen: &Seen) {
        let at = surface.pts();
        let first = self.moment.at.minus(MediaSpan(BEFORE as i64 * SPACING.0));
        if self.shown == 0 && at.since(first).0 > PICTURES as i64 * SPACING.0 {
            return;
        }
        let due = first.plus(MediaSpan(self.shown as i64 * SPACING.0));
        if self.shown == PICTURES || at < due {
            return;
        }
        let Ok(picture) = surface.download() else { return };
        let area = seen.area(at, self.moment.hoop.as_deref());
        let (width, height) = (f32::from(picture.size.width), f32::from(picture.size.height));
        let (corner, side) = match area {
            Some(area) => {
                let (side, (x, y)) = (WIDTHS * area.width().max(4.0), area.centre());
                ((x - side / 2.0, y - side / 2.0), side)
            }
            None => {
                let side = width.max(height);
                (((width - side) / 2.0, (height - side) / 2.0), side)
            }
        };
        let (row, column) = (self.shown / COLUMNS, self.shown % COLUMNS);
        for y in 0..SIDE {
            for x in 0..SIDE {
                let along = |v: usize| (v as f32 + 0.5) * side / SIDE as f32;
                let pixel = rgb(&picture, (corner.0 + along(x), corner.1 + along(y)));
                let place = ((row * SIDE + y) * COLUMNS + column) * SIDE + x;
                self.rgb[3 * place..3 * place + 3].copy_from_slice(&pixel);
            }
        }
        self.shown += 1;
    }

    fn png(&self) -> Result<Vec<u8>> {
        let mut file = Vec::new();
        let (width, height) = (COLUMNS * SIDE, PICTURES / COLUMNS * SIDE);
        let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header()?.write_image_data(&self.rgb)?;
        Ok(file)
    }
}

/// The pixel at a place, BT.709 of limited range to RGB; black outside the picture.
fn rgb(picture: &HostPicture<'_>, (x, y): (f32, f32)) -> [u8; 3] {
    let (width, height) = (usize::from(picture.size.width), usize::from(picture.size.height));
    if x < 0.0 || y < 0.0 || x as usize >= width || y as usize >= height {
        return [0; 3];
    }
    let (x, y) = (x as usize, y as usize);
    let byte = |plane: usize, at: usize, row: usize| {
        let plane = &picture.planes[plane];
        plane.data.get(row * plane.stride + at).map_or(0.0, |byte| f32::from(*byte))
    };
    let luma = 1.164 * (byte(0, x, y) - 16.0);
    let (cb, cr) = match picture.format {
        PixelFormat::I420 => (byte(1, x / 2, y / 2), byte(2, x / 2, y / 2)),
        PixelFormat::Nv12 => (byte(1, x / 2 * 2, y / 2), byte(1, x / 2 * 2 + 1, y / 2)),
    };
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    // The casts saturate.
    [luma + 1.793 * cr, luma - 0.213 * cb - 0.533 * cr, luma + 2.112 * cb].map(|v| v as u8)
}
