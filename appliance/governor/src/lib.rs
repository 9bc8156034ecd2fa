//! Thermal, power and latency policy: readings in, operating point and admission out.
