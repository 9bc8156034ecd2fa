//! Probabilities as log-odds (natural), in which evidence adds up.

/// Log-odds of a probability.
pub(crate) fn logit(probability: f32) -> f32 {
    // Clamped to ±6 nats: one lane never drowns all others.
    let p = probability.clamp(0.0025, 0.9975);
    libm::logf(p / (1.0 - p))
}

/// The probability that has these log-odds.
pub(crate) fn logistic(log_odds: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-log_odds))
}
