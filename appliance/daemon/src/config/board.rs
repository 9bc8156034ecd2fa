//! Which board the box is, if the operator says so: `[box] board`.

use boards::Board;
use document::{Entry, advice};

use super::Surroundings;

/// Who says which board the box is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BoardChoice {
    /// The box itself.
    #[default]
    Detected,
    /// The configuration.
    Named(Box<Board>),
}

impl Surroundings {
    /// `auto`, the name of a board that Courtside knows, or a board file.
    pub(super) fn board(&self, entry: &Entry<'_>) -> Option<BoardChoice> {
        let text = entry.filled()?;
        if text == "auto" {
            return Some(BoardChoice::Detected);
        }
        let named = |board| Some(BoardChoice::Named(Box::new(board)));
        if text.ends_with(".toml") {
            return match Board::load(&self.path(entry)?) {
                Ok(board) => named(board),
                Err(refusal) => {
                    for line in refusal.to_string().lines() {
                        entry.refuse(
                            format_args!("this board cannot be used: {line}"),
                            "mend that file",
                        );
                    }
                    None
                }
            };
        }
        let shipped = Board::shipped();
        let names: Vec<&str> = shipped.iter().map(|board| board.name.as_str()).collect();
        if !names.contains(&text) {
            let instead = format!(
                "{} (also possible: `auto`, or a board file whose name ends in `.toml`)",
                advice(text, &names)
            );
            entry.refuse("Courtside knows no such board", instead);
            return None;
        }
        shipped.into_iter().find(|board| board.name == text).and_then(named)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{GOOD, complaints, understood};
    use super::super::{BoardChoice, Config};

    fn with_board(board: &str) -> String {
        GOOD.replacen("device = \"court-1\"", &format!("device = \"court-1\"\nboard = {board}"), 1)
    }

    #[test]
    fn board_is_the_boxs_own_unless_it_is_named() {
        assert_eq!(understood(GOOD).box_.board, BoardChoice::Detected);
        assert_eq!(understood(&with_board("\"auto\"")).box_.board, BoardChoice::Detected);
        let config = understood(&with_board("\"jetson-thor\""));
        let BoardChoice::Named(board) = &config.box_.board else { panic!("it is named") };
        assert_eq!(board.name, "jetson-thor");
        assert!(config.to_string().contains("\nboard    jetson-thor (NVIDIA Jetson Thor)\n"));
        assert!(understood(GOOD).to_string().contains("\nboard    what the box says of itself\n"));
    }

    #[test]
    fn board_that_is_not_known_is_told_with_those_that_are() {
        let told = complaints(&with_board("\"jetson-tor\""));
        assert_eq!(
            told,
            ["line 5: `box.board = \"jetson-tor\"`: Courtside knows no such board; did you mean \
              `jetson-thor`? (also possible: `auto`, or a board file whose name ends in `.toml`)"]
        );
    }

    #[test]
    fn board_file_counts_from_the_configurations_folder_and_its_mistakes_are_told_by_its_lines() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("a file");
        };
        let board = "schema = 1\nname = \"mine\"\ntitle = \"Mine\"\ndecoders = [\"libav\"]\n";
        write("box.toml", &with_board("\"mine.toml\""));
        write("mine.toml", &format!("{board}encoders = [\"libav\"]\n"));
        let config = Config::load(&folder.path().join("box.toml")).expect("a good board");
        let BoardChoice::Named(mine) = config.box_.board else { panic!("it is named") };
        assert_eq!(mine.title, "Mine");
        write("mine.toml", &format!("{board}encoders = [\"paper\"]\n"));
        let refusal = Config::load(&folder.path().join("box.toml")).expect_err("a bad board");
        let told = refusal.to_string();
        assert!(told.contains("box.toml:5: `box.board = \"mine.toml\"`"), "{told}");
        assert!(
            told.contains("mine.toml:5: `encoders = [\"paper\"]`: name at least one"),
            "{told}"
        );
    }
}
