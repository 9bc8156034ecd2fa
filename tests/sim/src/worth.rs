//! What a trial is worth: moments seen and frames covered.

/// What the moments count; the rest is the frames'.
pub const MOMENTS: f64 = 0.9;

/// 0.0 to 1.0, from the mean recall over the moments and the mean share of frames covered.
pub fn value(recall: f64, covered: f64) -> f64 {
    MOMENTS * recall + (1.0 - MOMENTS) * covered
}
