//! The lock of the links: one real mutex a link.
//!
//! `embassy-sync` asks for a `RawMutex`. On Linux its `CriticalSectionRawMutex` is one
//! process-wide lock, so that unrelated links would wait for each other; this one belongs to its
//! link. It lives here because implementing `RawMutex` is `unsafe`, which only `hw` may contain.

use std::sync::{Mutex, PoisonError};

use embassy_sync::blocking_mutex::raw::RawMutex;

/// A lock for one link.
pub struct LinkMutex(Mutex<()>);

// SAFETY: `RawMutex` requires that no other thread holds the lock while `f` runs; `std::sync::
// Mutex` guarantees that for as long as its guard lives, which is all of `f`.
unsafe impl RawMutex for LinkMutex {
    const INIT: Self = Self(Mutex::new(()));

    fn lock<R>(&self, f: impl FnOnce() -> R) -> R {
        // A panic inside a link's operation leaves no broken state behind the unit value.
        let _guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn no_two_threads_are_inside_at_once() {
        static LOCK: LinkMutex = LinkMutex::INIT;
        static INSIDE: AtomicU32 = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        LOCK.lock(|| {
                            assert_eq!(INSIDE.fetch_add(1, Ordering::SeqCst), 0);
                            INSIDE.fetch_sub(1, Ordering::SeqCst);
                        });
                    }
                });
            }
        });
    }
}
