//! Streams, clocks and containers.
