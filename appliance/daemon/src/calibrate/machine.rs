//! Which machine this is, as far as the speed of networks goes: a table of another one, on a copied
//! disk or after the board was exchanged, is not believed.

/// What tells one processor from another in `/proc/cpuinfo`: x86 has a name, ARM numbers.
const KEYS: [&str; 5] = ["model name", "CPU implementer", "CPU part", "CPU variant", "Model"];

/// Architecture, processor and cores, such as `x86_64, AMD Ryzen 7 7840U, 16 cores`.
pub(super) fn name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    of(&text)
}

fn of(cpuinfo: &str) -> String {
    let lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    let lines: Vec<(&str, &str)> = lines.map(|(key, value)| (key.trim(), value.trim())).collect();
    let cores = lines.iter().filter(|(key, _)| *key == "processor").count();
    let mut parts = vec![std::env::consts::ARCH.to_owned()];
    for key in KEYS {
        // A board may have cores of two kinds.
        let mut values: Vec<&str> =
            lines.iter().filter(|(k, _)| *k == key).map(|(_, value)| *value).collect();
        values.dedup();
        match (key, values.as_slice()) {
            (_, []) => {}
            ("model name" | "Model", values) => parts.push(values.join(" and ")),
            (key, values) => parts.push(format!("{key} {}", values.join(" and "))),
        }
    }
    parts.push(format!("{cores} cores"));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_told_from_each_other() {
        let x86 = "processor\t: 0\nmodel name\t: AMD EPYC 9B45\ncpu MHz\t\t: 2600.1\n\n\
                   processor\t: 1\nmodel name\t: AMD EPYC 9B45\ncpu MHz\t\t: 3100.7\n";
        let arch = std::env::consts::ARCH;
        assert_eq!(of(x86), format!("{arch}, AMD EPYC 9B45, 2 cores"));
        // Its clock changes from second to second and is not part of it.
        assert_eq!(of(&x86.replace("3100", "1200")), of(x86));
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd42\n";
        assert_eq!(of(arm), format!("{arch}, CPU implementer 0x41, CPU part 0xd42, 1 cores"));
        assert_ne!(of(arm), of(&arm.replace("0xd42", "0xd4a")));
        assert_eq!(name(), name());
    }
}
