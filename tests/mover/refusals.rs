//! What is refused rather than copied wrongly.
