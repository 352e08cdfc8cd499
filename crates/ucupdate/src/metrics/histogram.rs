//! [`Histogram`]: durations in fixed buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets in seconds, as Prometheus shows them, and in microseconds.
pub(crate) const BOUNDS: [(&str, u64); 10] = [
    ("0.001", 1_000),
    ("0.005", 5_000),
    ("0.01", 10_000),
    ("0.05", 50_000),
    ("0.1", 100_000),
    ("0.5", 500_000),
    ("1", 1_000_000),
    ("5", 5_000_000),
    ("30", 30_000_000),
    ("300", 300_000_000),
];

/// A histogram of durations. Adding a duration takes no lock.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// The number of durations in each bucket. The last bucket is for durations above all bounds.
    counts: [AtomicU64; BOUNDS.len() + 1],
    /// The sum of all durations in microseconds.
    sum: AtomicU64,
}

/// The state of a histogram at one time.
pub(crate) struct HistogramReading {
    /// The cumulative number of durations up to each bound.
    pub(crate) up_to: [u64; BOUNDS.len()],
    pub(crate) count: u64,
    pub(crate) sum_seconds: f64,
}

impl Histogram {
    pub(crate) fn add(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|(_, bound)| micros <= *bound).unwrap_or(BOUNDS.len());
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> HistogramReading {
        let mut so_far = 0;
        let up_to = std::array::from_fn(|bucket| {
            so_far += self.counts[bucket].load(Ordering::Relaxed);
            so_far
        });
        let count = so_far + self.counts[BOUNDS.len()].load(Ordering::Relaxed);
        let sum = Duration::from_micros(self.sum.load(Ordering::Relaxed));
        HistogramReading { up_to, count, sum_seconds: sum.as_secs_f64() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_its_bucket_and_in_all_above() {
        let histogram = Histogram::default();
        for millis in [1, 7, 1_000_000] {
            histogram.add(Duration::from_millis(millis));
        }
        let reading = histogram.read();
        assert_eq!(reading.up_to, [1, 1, 2, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!((reading.count, reading.sum_seconds), (3, 1000.008));
    }
}
