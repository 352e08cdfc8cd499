//! The allocator of the program. It gives free memory back to the system. The allocator of glibc
//! would keep it, so a server would keep the memory of thousands of downloads after they end.

use std::time::Duration;

#[cfg(all(feature = "mimalloc", target_os = "linux"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The size in bytes of the piece that [`give_memory_back`] allocates and frees. A piece of this
/// size has pages of its own, so its pages become free with it.
const LARGE_PIECE: usize = 4 * 1024 * 1024;

/// Makes the allocator give free memory back to the system every two seconds. Never returns.
///
/// mimalloc gives memory back when a thread frees pages. A server without requests frees no pages.
/// Therefore this function allocates a large piece and frees it.
pub(crate) async fn give_memory_back() {
    let mut period = tokio::time::interval(Duration::from_secs(2));
    loop {
        period.tick().await;
        drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE_PIECE)));
    }
}
