//! Local maxima of a map of logits, located between its cells.

/// One local maximum. Cell (0, 0) spans 0 to 1 on both axes, its centre is at .5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Peak {
    /// Across, in cells.
    pub(super) x: f32,
    /// Down, in cells.
    pub(super) y: f32,
    /// Index of the cell.
    pub(super) cell: usize,
    /// Probability, 0 to 1.
    pub(super) confidence: f32,
}

/// Finds at most `max` local maxima above `confidence_min`, the strongest first.
///
/// - `logits`: rows of `width` cells. Of equal neighbours the first one is the maximum.
pub(super) fn find(logits: &[f32], width: usize, confidence_min: f32, max: usize) -> Vec<Peak> {
    let logit_min = (confidence_min / (1.0 - confidence_min)).ln();
    let height = logits.len() / width;
    let mut peaks = Vec::new();
    for (y, row) in logits.chunks_exact(width).enumerate() {
        for (x, &logit) in row.iter().enumerate().filter(|(_, l)| **l > logit_min) {
            if is_maximum(logits, (width, height), (x, y)) {
                peaks.push(locate(logits, (width, height), (x, y), logit));
            }
        }
    }
    peaks.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    peaks.truncate(max);
    peaks
}

fn is_maximum(logits: &[f32], (width, height): (usize, usize), (x, y): (usize, usize)) -> bool {
    let own = logits[y * width + x];
    for ny in y.saturating_sub(1)..=(y + 1).min(height - 1) {
        for nx in x.saturating_sub(1)..=(x + 1).min(width - 1) {
            let other = logits[ny * width + nx];
            let earlier = (ny, nx) < (y, x);
            if other > own || (earlier && other == own) {
                return false;
            }
        }
    }
    true
}

fn locate(
    logits: &[f32],
    (width, height): (usize, usize),
    (x, y): (usize, usize),
    logit: f32,
) -> Peak {
    let at = |x: usize, y: usize| log_probability(logits[y * width + x]);
    let own = at(x, y);
    let inside_x = x > 0 && x + 1 < width;
    let inside_y = y > 0 && y + 1 < height;
    let dx = if inside_x { vertex(at(x - 1, y), own, at(x + 1, y)) } else { 0.0 };
    let dy = if inside_y { vertex(at(x, y - 1), own, at(x, y + 1)) } else { 0.0 };
    Peak {
        x: x as f32 + 0.5 + dx,
        y: y as f32 + 0.5 + dy,
        cell: y * width + x,
        confidence: sigmoid(logit),
    }
}

/// Where the parabola through three neighbouring values has its maximum, -0.5 to 0.5 from the
/// middle one. Exact for a bell curve, given its logarithm.
pub(super) fn vertex(before: f32, own: f32, after: f32) -> f32 {
    let bend = before - 2.0 * own + after;
    if bend < -1e-6 { ((before - after) / (2.0 * bend)).clamp(-0.5, 0.5) } else { 0.0 }
}

pub(super) fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// ln(sigmoid(logit)), without overflow.
fn log_probability(logit: f32) -> f32 {
    logit.min(0.0) - (-logit.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map with bell curves of probability at the given places (in cells).
    fn map(size: (usize, usize), bells: &[(f32, f32, f32)]) -> Vec<f32> {
        let mut logits = Vec::new();
        for y in 0..size.1 {
            for x in 0..size.0 {
                let p = bells.iter().fold(1e-6_f32, |p, &(bx, by, height)| {
                    let d = (x as f32 + 0.5 - bx).powi(2) + (y as f32 + 0.5 - by).powi(2);
                    p.max(height * (-d / 2.0).exp())
                });
                logits.push((p / (1.0 - p)).ln());
            }
        }
        logits
    }

    #[test]
    fn bells_are_found_between_the_cells_strongest_first() {
        let logits = map((40, 30), &[(10.3, 7.8, 0.6), (30.1, 20.45, 0.9)]);
        let peaks = find(&logits, 40, 0.3, 8);
        assert_eq!(peaks.len(), 2);
        for (peak, (x, y)) in peaks.iter().zip([(30.1, 20.45), (10.3, 7.8)]) {
            assert!((peak.x - x).abs() < 0.02 && (peak.y - y).abs() < 0.02, "{peak:?}");
        }
        assert!(peaks[0].confidence > 0.8 && peaks[1].confidence < 0.6, "{peaks:?}");
    }

    #[test]
    fn a_flat_top_is_one_peak_and_a_flat_floor_is_none() {
        let mut logits = vec![-9.0; 100];
        assert_eq!(find(&logits, 10, 0.5, 8), []);
        for cell in [33, 34, 43, 44] {
            logits[cell] = 2.0;
        }
        assert_eq!(find(&logits, 10, 0.5, 8).len(), 1);
    }

    #[test]
    fn peaks_in_corners_are_found_and_the_list_is_bounded() {
        let bells: Vec<_> = (0..12).map(|i| (i as f32 * 6.0 + 0.5, 0.5, 0.9)).collect();
        let logits = map((67, 1), &bells);
        assert_eq!(find(&logits, 67, 0.3, 8).len(), 8);
        assert_eq!(find(&logits, 67, 0.3, 50).len(), 12);
    }
}
