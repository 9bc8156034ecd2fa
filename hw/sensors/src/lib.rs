//! Temperatures, power and load from sysfs and procfs.
