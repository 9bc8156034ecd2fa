//! Paths and addresses that belong to one machine and must not stand in tracked files.

use std::path::Path;

use super::Finding;

/// Words in the host of a package mirror. A project's own page on a registry is fine in prose,
/// but a build that names a host works on one network only.
const MIRROR_WORDS: &[&str] =
    &["debian", "crates", "pypi", "pythonhosted", "npm", "mirror", "artifactory", "nexus"];
/// Files that tools write and that name the registries they know.
const LOCK_FILES: &[&str] = &["Cargo.lock", "package-lock.json", "uv.lock"];

/// Folders of the machine on which the check runs.
pub(super) struct Machine {
    folders: Vec<String>,
}

impl Machine {
    /// This machine: the checkout's folder and the home of whoever runs the check.
    pub(super) fn here(checkout: &Path) -> Self {
        let home = std::env::home_dir().unwrap_or_default();
        Self::with_folders(&[checkout, &home])
    }

    /// A short path such as `/src` would be found in every other line.
    fn with_folders(folders: &[&Path]) -> Self {
        const CHARACTERS_MIN: usize = 5;
        let texts = folders.iter().map(|folder| folder.display().to_string());
        Self { folders: texts.filter(|text| text.len() >= CHARACTERS_MIN).collect() }
    }
}

/// Checks one tracked text file.
pub(super) fn check(file: &str, text: &str, machine: &Machine) -> Vec<Finding> {
    let name = file.rsplit('/').next().unwrap_or_default();
    if LOCK_FILES.contains(&name) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let place = || format!("{file}:{}", index + 1);
        if let Some(folder) = machine.folders.iter().find(|folder| names_folder(line, folder)) {
            let message = format!("{folder} exists on this machine only; use a relative path");
            findings.push(Finding::error(place(), message));
        }
        if let Some(user) = user_home(line) {
            let message = format!("{user} is one person's folder; use a relative path");
            findings.push(Finding::error(place(), message));
        }
        if let Some(host) = hosts(line).find(|host| is_mirror(host)) {
            let message = format!("{host} is a package host; leave the choice to the client");
            findings.push(Finding::error(place(), message));
        }
    }
    findings
}

/// Whether the line names the folder itself or something inside it.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + folder.len()..].chars().next();
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        !before.is_some_and(|c| is_word(c) || matches!(c, '/' | '$' | '}' | '~'))
            && !after.is_some_and(is_word)
    })
}

/// A person's home folder.
fn user_home(line: &str) -> Option<&str> {
    let starts = [concat!("/ho", "me/"), concat!("/Use", "rs/")];
    starts.iter().find_map(|start| {
        let at = line.find(start)?;
        let rest = &line[at + start.len()..];
        let name = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(0);
        let is_path = name > 0 && rest[name..].starts_with('/');
        is_path.then(|| &line[at..at + start.len() + name])
    })
}

fn hosts(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("://").map(|(at, mark)| {
        let rest = &line[at + mark.len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-'));
        &rest[..end.unwrap_or(rest.len())]
    })
}

fn is_mirror(host: &str) -> bool {
    MIRROR_WORDS.iter().any(|word| host.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> usize {
        let machine = Machine::with_folders(&[Path::new("/build/box"), Path::new("/src")]);
        check(file, text, &machine).len()
    }

    #[test]
    fn folder_of_this_machine_is_found_where_it_is_named() {
        assert_eq!(found("a.sh", "cd /build/box/scripts\n"), 1);
        assert_eq!(found("a.sh", "cd \"/build/box\"\n"), 1);
        assert_eq!(found("a.sh", "cd /build/boxes\n"), 0);
        assert_eq!(found("a.sh", "cd $HERE/build/box\n"), 0);
        assert_eq!(found("a.sh", "appliance/build/box/x\n"), 0);
        // Too short to tell from a part of a relative path.
        assert_eq!(found("a.sh", "ls /src/lib.rs\n"), 0);
    }

    #[test]
    fn a_persons_folder_is_found() {
        let home = concat!("/ho", "me/ann/courtside\n");
        assert_eq!(found("a.md", home), 1);
        assert_eq!(found("a.md", concat!("/ho", "me/\n")), 0);
    }

    #[test]
    fn package_hosts_are_found_outside_lock_files() {
        let line = concat!("curl https:/", "/deb.debian.example/pool\n");
        assert_eq!(found("scripts/setup", line), 1);
        assert_eq!(found("Cargo.lock", line), 0);
        assert_eq!(found("a.md", "see https://github.com/rust-lang/crates.io-index\n"), 0);
    }
}
