//! Who may change something through a connection, asked right before each change: an executor that was asleep, or cut off, may have lost its run
//! since it looked last. What is on its way by then cannot be called back; what is not, is not sent.

use futures::future::BoxFuture;

use super::failure::ApiError;

/// Says whether changes may still be made.
pub trait Fence: Send + Sync {
    /// Returns when they may.
    ///
    /// # Errors
    ///
    /// A [`ApiError::Conflict`] when they may not; otherwise why that is not known.
    fn holds(&self) -> BoxFuture<'_, Result<(), ApiError>>;
}
