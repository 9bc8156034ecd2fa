//! `courtside governor …`: what the governor of the running box says, and a technician's button.
//!
//! Talks to the box through files in its data folder: [`super::explanation`] and
//! [`super::request`].

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use wire::time::WallTime;

use super::explanation::{self, Found};
use super::request;

/// A box that runs is seen to run every second; one that was not seen for longer hangs, or was
/// killed.
const SEEN_MAX: Duration = Duration::from_secs(5);

/// What is asked of the governor of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Job {
    /// Tells what the box does, why, what limits it and what would be next.
    Explain,
    /// Asks the box to look closely for a minute, as far as heat and supply allow.
    Sprint,
}

/// Does it for the box with this data folder, as of `now`; returns what to print.
///
/// # Errors
/// No box runs there, or its folder cannot be read or written to.
pub fn run(job: Job, data_dir: &Path, now: WallTime) -> Result<String> {
    let found = explanation::read(data_dir, now).with_context(|| {
        format!("what the governor says cannot be read in {}; run this as root", data_dir.display())
    })?;
    let Some(Found { text, age }) = found else {
        bail!(
            "no box runs with data folder {}; start it (`systemctl start courtside`), or name \
             the configuration that it runs with by --config",
            data_dir.display()
        );
    };
    let seconds = age.as_secs_f64();
    match (job, age > SEEN_MAX) {
        (Job::Explain, false) => Ok(format!("{}\n\nas of {seconds:.1} s ago", text.trim_end())),
        (Job::Explain, true) => bail!(
            "the box was last seen to run {seconds:.0} s ago, and is stopped or hangs; look at \
             `systemctl status courtside`. It said then:\n{}",
            text.trim_end()
        ),
        (Job::Sprint, true) => bail!(
            "nothing was asked: the box was last seen to run {seconds:.0} s ago, and is stopped \
             or hangs; look at `systemctl status courtside`"
        ),
        (Job::Sprint, false) => {
            request::leave(data_dir).with_context(|| {
                format!(
                    "the request cannot be left in {}; run this as root or as the user of the box",
                    data_dir.display()
                )
            })?;
            Ok("asked; the box takes it within a second, and looks closely for a minute as far \
                as heat and supply allow. `courtside governor explain` tells whether it does"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::explanation::Explanation;
    use super::*;

    const THEN: WallTime = WallTime(1_800_000_000_000_000);

    fn later(seconds: i64) -> WallTime {
        WallTime(THEN.0 + 1_000_000 * seconds)
    }

    #[test]
    fn running_box_explains_itself_and_takes_requests() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut file = Explanation::new(folder.path());
        file.keep("30 fps\n".to_owned(), THEN).expect("writable");
        let said = run(Job::Explain, folder.path(), later(2)).expect("it runs");
        assert_eq!(said, "30 fps\n\nas of 2.0 s ago");
        let said = run(Job::Sprint, folder.path(), later(2)).expect("it runs");
        assert!(said.starts_with("asked"), "{said}");
        assert!(request::take(folder.path()).expect("removable"));
    }

    #[test]
    fn box_that_does_not_run_or_hangs_is_told_and_asked_for_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for job in [Job::Explain, Job::Sprint] {
            let said = run(job, folder.path(), THEN).expect_err("nobody runs").to_string();
            assert!(said.starts_with("no box runs with data folder"), "{said}");
        }
        let mut file = Explanation::new(folder.path());
        file.keep("30 fps".to_owned(), THEN).expect("writable");
        for job in [Job::Explain, Job::Sprint] {
            let said = run(job, folder.path(), later(6)).expect_err("it hangs").to_string();
            assert!(said.contains("6 s ago") && said.contains("systemctl status"), "{said}");
        }
        assert!(!request::take(folder.path()).expect("removable"));
    }
}
