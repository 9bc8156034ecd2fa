//! Files a game is written to: raw and y4m video, PNG stills.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

use crate::geometry::Rect;

/// How video is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoFormat {
    /// I420 pictures back to back.
    Raw,
    /// YUV4MPEG2, which says its own size and rate.
    Y4m,
}

/// Writes I420 pictures.
pub struct VideoWriter<W> {
    out: W,
    format: VideoFormat,
}

impl<W: Write> VideoWriter<W> {
    /// A writer to `out`; for y4m the header is written at once.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn new(
        mut out: W,
        format: VideoFormat,
        (size, fps): ((usize, usize), f64),
    ) -> io::Result<Self> {
        if format == VideoFormat::Y4m {
            let rate = (fps * 1000.0).round() as u64;
            writeln!(out, "YUV4MPEG2 W{} H{} F{rate}:1000 Ip A1:1 C420mpeg2", size.0, size.1)?;
        }
        Ok(Self { out, format })
    }

    /// Writes one picture.
    ///
    /// # Errors
    /// What the output answers; a closed pipe is [`io::ErrorKind::BrokenPipe`].
    pub fn write(&mut self, picture: &[u8]) -> io::Result<()> {
        if self.format == VideoFormat::Y4m {
            self.out.write_all(b"FRAME\n")?;
        }
        self.out.write_all(picture)
    }

    /// Hands everything to the output.
    ///
    /// # Errors
    /// What the output answers.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes an I420 picture as a PNG.
///
/// # Errors
/// When the file cannot be written.
pub fn write_png(path: &Path, rect: Rect, picture: &[u8]) -> anyhow::Result<()> {
    let file = std::fs::File::create(path).with_context(|| {
        format!("cannot write {}: choose a path that can be written", path.display())
    })?;
    let mut encoder =
        png::Encoder::new(io::BufWriter::new(file), rect.width as u32, rect.height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().context("PNG header")?;
    writer.write_image_data(&rgb_of(rect, picture)).context("PNG pixels")
}

/// BT.709 limited-range I420 to RGB.
fn rgb_of(rect: Rect, picture: &[u8]) -> Vec<u8> {
    let luma = rect.width * rect.height;
    let chroma = rect.chroma_width() * rect.chroma_height();
    let mut rgb = Vec::with_capacity(luma * 3);
    for y in 0..rect.height {
        for x in 0..rect.width {
            let at = (y / 2) * rect.chroma_width() + x / 2;
            let l = (f32::from(picture[y * rect.width + x]) - 16.0) * 255.0 / 219.0;
            let b = (f32::from(picture[luma + at]) - 128.0) * 255.0 / 224.0;
            let r = (f32::from(picture[luma + chroma + at]) - 128.0) * 255.0 / 224.0;
            for value in [l + 1.5748 * r, l - 0.1873 * b - 0.4681 * r, l + 1.8556 * b] {
                rgb.push(value.round().clamp(0.0, 255.0) as u8);
            }
        }
    }
    rgb
}
