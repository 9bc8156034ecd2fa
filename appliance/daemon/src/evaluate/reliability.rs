//! Are confidences what they say? Reports by their confidence, and how many of each were right.

use std::fmt;

use serde_json::{Value, json};

/// Confidences are told apart by tenths.
const BINS: usize = 10;

/// A reliability table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reliability {
    bins: [Bin; BINS],
}

/// Reports of nearly one confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// How many there were.
    pub reports: u32,
    /// How many of them were right.
    pub right: u32,
    /// Sum of their confidences.
    sum: f64,
}

impl Bin {
    /// Mean confidence, 0 to 1; `None` without reports.
    pub fn confidence(&self) -> Option<f64> {
        (self.reports > 0).then(|| self.sum / f64::from(self.reports))
    }

    /// Share that was right; `None` without reports.
    pub fn right_share(&self) -> Option<f64> {
        (self.reports > 0).then(|| f64::from(self.right) / f64::from(self.reports))
    }
}

impl Reliability {
    /// Adds a report with its confidence, 0 to 1.
    pub fn add(&mut self, (confidence, right): (f32, bool)) {
        let bin = &mut self.bins[((confidence * BINS as f32) as usize).min(BINS - 1)];
        bin.reports += 1;
        bin.right += u32::from(right);
        bin.sum += f64::from(confidence);
    }

    /// From the least confident to the most; bin `i` starts at a confidence of `i` tenths.
    pub fn bins(&self) -> &[Bin; BINS] {
        &self.bins
    }

    /// Expected calibration error: how far confidence and share of right reports are apart, as a
    /// mean over all reports. 0 when there were none.
    pub fn expected_calibration_error(&self) -> f64 {
        let reports: u32 = self.bins.iter().map(|bin| bin.reports).sum();
        let off = |bin: &Bin| (bin.sum - f64::from(bin.right)).abs();
        self.bins.iter().map(off).sum::<f64>() / f64::from(reports.max(1))
    }

    /// The table for other programs.
    pub fn json(&self) -> Value {
        let bin = |(tenth, bin): (usize, &Bin)| {
            json!({
                "from": tenth as f64 / BINS as f64,
                "reports": bin.reports,
                "right": bin.right,
                "mean_confidence": bin.confidence(),
            })
        };
        json!({
            "expected_calibration_error": self.expected_calibration_error(),
            "bins": self.bins.iter().enumerate().map(bin).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Reliability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<12} {:>7} {:>6} {:>6}", "confidence", "reports", "right", "mean")?;
        for (tenth, bin) in self.bins.iter().enumerate() {
            let Some((mean, right)) = bin.confidence().zip(bin.right_share()) else { continue };
            let range = format!(
                "0.{tenth} to {}",
                if tenth == 9 { "1.0".into() } else { format!("0.{}", tenth + 1) }
            );
            writeln!(f, "{range:<12} {:>7} {right:>6.2} {mean:>6.2}", bin.reports)?;
        }
        write!(f, "expected calibration error {:.3}", self.expected_calibration_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidences_that_come_true_have_no_error() {
        let mut table = Reliability::default();
        (0..10).for_each(|n| table.add((0.8, n < 8)));
        (0..4).for_each(|n| table.add((0.5, n < 2)));
        assert!(table.expected_calibration_error() < 1e-6);
    }

    #[test]
    fn error_is_a_mean_over_reports_not_over_bins() {
        let mut table = Reliability::default();
        // Nine reports of 1.0 that are right, one of 0.5 that is not.
        (0..9).for_each(|_| table.add((1.0, true)));
        table.add((0.5, false));
        assert!((table.expected_calibration_error() - 0.05).abs() < 1e-6);
        assert_eq!(table.bins()[9].reports, 9);
    }

    #[test]
    fn empty_table_has_no_error() {
        assert!(Reliability::default().expected_calibration_error().abs() < 1e-9);
    }
}
