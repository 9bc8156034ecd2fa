//! Generated basketball games with ground truth.
