//! `courtside sensors`, on a copy of what each board shows.

#[path = "../../../../hw/boards/tests/trees/mod.rs"]
mod trees;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn courtside(root: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_courtside"));
    command.arg("sensors").arg("--root").arg(root).args(more).output().expect("it runs")
}

fn json(root: &Path) -> Value {
    let output = courtside(root, &["--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn each_board_is_told_with_its_sensors_by_part() {
    for (board, _) in trees::TREES {
        let root = tempfile::tempdir().expect("a temporary folder");
        trees::grow(root.path(), board);
        let told = json(root.path());
        assert_eq!(told["board"]["name"], board);
        assert_eq!(told["missing"], Value::Array(Vec::new()), "{board}");
        let temperatures = told["temperatures"].as_array().expect("a list");
        let has_junction = temperatures.iter().any(|sensor| sensor["part"] == "junction");
        assert_eq!(has_junction, board.starts_with("jetson"), "{board}");
    }
}

#[test]
fn table_shows_readings_limits_and_whose_they_are() {
    let root = tempfile::tempdir().expect("a temporary folder");
    trees::grow(root.path(), "jetson-agx-orin");
    let output = courtside(root.path(), &[]);
    let table = String::from_utf8(output.stdout).expect("text");
    for line in [
        "board    jetson-agx-orin (NVIDIA Jetson AGX Orin, AGX Orin 64 GB): its device tree is \
         compatible with nvidia,p3701-0005",
        "module   64 GiB of memory, at most 60.0 W",
        "codecs   such a board has v4l2, libav to decode and v4l2, libav to encode; what is used, \
         telemetry tells",
        "cpu-thermal     cpu       48.2 °C  94.0 °C       97.0 °C         101.5 °C    kernel, board",
        "gpu-thermal     gpu       silent   95.5 °C       98.5 °C         101.5 °C    tj-thermal, which stands for it",
        "soc0-thermal    soc       47.0 °C  80.0 °C       90.0 °C         100.0 °C    nobody: cautious ones",
        "tj-thermal      junction  48.7 °C  95.5 °C       98.5 °C         101.5 °C    board",
        "VDD_GPU_SOC      gpu     6.3 W  19880 mV  320 mA   –        –",
        "pwm_tach rpm  1786 rpm  –",
        "pwmfan pwm1   –         22 %",
        "instantaneous over-current  37",
        "mmcblk0  50 %  –      –",
    ] {
        assert!(table.lines().any(|told| told == line), "{line}\n{table}");
    }
}

#[test]
fn pressure_and_the_memory_limit_are_told_where_the_kernel_tells_them() {
    let root = tempfile::tempdir().expect("a temporary folder");
    trees::write(root.path(), "proc/pressure/io", "some avg10=2.50 avg60=0.00");
    trees::write(root.path(), "proc/self/cgroup", "0::/box");
    trees::write(root.path(), "sys/fs/cgroup/box/memory.max", "2147483648");
    trees::write(root.path(), "sys/fs/cgroup/box/memory.current", "1048576");
    let told = json(root.path());
    let pressure = serde_json::json!({ "cpu": null, "memory": null, "io": 25 });
    assert_eq!(told["pressure_permille"], pressure);
    assert_eq!(told["group_memory_bytes"]["limit"], 1_u64 << 31);
    let table = String::from_utf8(courtside(root.path(), &[]).stdout).expect("text");
    assert!(table.contains("a disk          2.5 %"), "{table}");
    assert!(table.lines().any(|line| line.starts_with("in use") && line.ends_with("1 MiB")));
}

#[test]
fn board_of_the_configuration_goes_before_what_the_box_says() {
    let root = tempfile::tempdir().expect("a temporary folder");
    trees::grow(root.path(), "jetson-orin-nx");
    let config = root.path().join("box.toml");
    let text = "schema = 1\n[box]\ntenant = \"t\"\ndevice = \"d\"\ndata_dir = \"/tmp\"\n\
                board = \"generic-x86\"\n[mqtt]\nurl = \"mqtt://127.0.0.1:1883\"\n[[source]]\n\
                name = \"c\"\nkind = \"rtmp\"\nlisten = \"127.0.0.1:1935\"\napp = \"a\"\n\
                key = \"k\"\nsport = \"basketball\"\n";
    std::fs::write(&config, text).expect("a file");
    let file = config.to_str().expect("a text");
    let output = courtside(root.path(), &["--json", "--config", file]);
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["board"]["name"], "generic-x86");
    assert_eq!(told["board"]["because"], "generic-x86 (a PC): the configuration says so");
    let missing = told["missing"].to_string();
    assert!(missing.contains("this board has a cpu temperature"), "{missing}");
    std::fs::write(&config, text.replace("generic-x86", "generic-arm")).expect("a file");
    let output = courtside(root.path(), &["--config", file]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("box.toml:6: `box.board = \"generic-arm\"`"), "{told}");
}

#[test]
fn box_without_anything_says_what_is_not_measured() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let told = json(root.path());
    assert_eq!(told["board"]["name"], "generic-x86");
    let absent = told["absent"].as_array().expect("a list");
    for what in ["temperature", "power", "disk wear", "pressure", "memory limit"] {
        let beginning = format!("{what} is not measured");
        assert!(absent.iter().any(|a| a.as_str().is_some_and(|a| a.starts_with(&beginning))));
    }
}

#[test]
fn log_pages_that_cannot_be_asked_for_are_an_error_that_names_the_disk() {
    let (root, folder) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    trees::write(root.path(), "sys/class/nvme/nvme0/model", "A disk");
    trees::write(root.path(), "dev/nvme0", "");
    let keep = folder.path().to_str().expect("a text");
    let output = courtside(root.path(), &["--keep-wear", keep]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("nvme0 cannot be asked"), "{told}");
}
