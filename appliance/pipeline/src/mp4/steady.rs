//! Places sound frames on a steady grid.
//!
//! Senders label sound frames in milliseconds, so labels jitter around the truth: every frame
//! really lasts the same number of samples. Players that take the labels literally click.

/// Deviation from the grid up to which labels are believed to be jitter: 10 ms, well above the
/// rounding of RTMP's milliseconds and below what an ear or the 20 ms of our promise notices.
const JITTER_MS: i64 = 10;

/// Positions in samples for frames labelled `labels` (in samples, ascending): runs without a gap
/// become exactly `frame` samples apart, placed where their labels lie on average; a label that
/// is further off than [`JITTER_MS`] starts a new run. Positions are strictly ascending.
pub(super) fn steady(labels: &[i64], frame: u32, sample_hz: u32) -> Vec<i64> {
    let frame = i64::from(frame);
    let tolerance = JITTER_MS * i64::from(sample_hz) / 1000;
    let mut positions: Vec<i64> = Vec::with_capacity(labels.len());
    let mut rest = labels;
    while let Some(first) = rest.first().copied() {
        let deviation = |i: usize, label: i64| label - (first + frame * i as i64);
        let run = rest
            .iter()
            .enumerate()
            .position(|(i, label)| deviation(i, *label).abs() > tolerance)
            .unwrap_or(rest.len());
        let (now, later) = rest.split_at(run);
        let sum: i64 = now.iter().enumerate().map(|(i, label)| deviation(i, *label)).sum();
        let start = first + sum.div_euclid(now.len().max(1) as i64);
        for i in 0..run {
            let floor = positions.last().map_or(i64::MIN, |last| last + 1);
            positions.push((start + frame * i as i64).max(floor));
        }
        rest = later;
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::steady;

    #[test]
    fn millisecond_labels_become_an_even_grid_near_their_average() {
        let truth: Vec<i64> = (0..400).map(|i| i * 1024).collect();
        let labels: Vec<i64> = truth.iter().map(|t| t * 1000 / 48_000 * 48).collect();
        let placed = steady(&labels, 1024, 48_000);
        assert!(placed.windows(2).all(|w| w[1] - w[0] == 1024));
        // Rounding down to milliseconds shifts by half a millisecond on average.
        assert!((placed[0] - truth[0]).abs() <= 48, "{}", placed[0]);
    }

    #[test]
    fn a_lost_frame_stays_a_gap() {
        let labels = [0, 1024, 2048, 4096, 5120];
        assert_eq!(steady(&labels, 1024, 48_000), labels);
    }

    #[test]
    fn a_step_back_never_makes_positions_fall() {
        let placed = steady(&[0, 1024, 2048, 1500, 2524], 1024, 48_000);
        assert!(placed.windows(2).all(|w| w[1] > w[0]), "{placed:?}");
    }
}
