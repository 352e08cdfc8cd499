//! The allocator of the program. It gives free memory back to the system. That of glibc keeps it, so a server that once had
//! thousands of downloads would keep their memory.

use std::time::Duration;

#[cfg(all(feature = "mimalloc", target_os = "linux"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The size in bytes of a piece of memory that has pages of its own.
const LARGE_PIECE: usize = 4 * 1024 * 1024;

/// Lets the allocator give free memory back every two seconds, and never returns. mimalloc does this when a thread gives up pages
/// that were free for a second before. A server without requests gives up none, so this takes some and gives them up.
pub(crate) async fn give_memory_back() {
    let mut period = tokio::time::interval(Duration::from_secs(2));
    loop {
        period.tick().await;
        drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE_PIECE)));
    }
}
