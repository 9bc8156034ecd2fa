//! Which board a box is.

use std::fmt;

use crate::{Board, Identity, Module, Pattern, Saying};

/// The board that a box is taken for when it is none that is known.
pub const FALLBACK: &str = "generic-x86";

/// A board, and why it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// The board.
    pub board: Board,
    /// The kind of it, where the box said so.
    pub module: Option<Module>,
    /// Why.
    pub why: Why,
}

/// Why a board was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The box says so.
    Said(Vec<(Saying, String)>),
    /// The configuration says so.
    Configured,
    /// The box says nothing that is known.
    Unknown(Identity),
}

impl fmt::Display for Detected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { board, module, why } = self;
        write!(f, "{} ({}", board.name, board.title)?;
        match module {
            Some(module) if module.title != board.title => write!(f, ", {})", module.title),
            Some(_) | None => write!(f, ")"),
        }?;
        match why {
            Why::Configured => write!(f, ": the configuration says so"),
            Why::Said(said) => {
                let told: Vec<String> =
                    said.iter().map(|(saying, text)| told(*saying, text)).collect();
                write!(f, ": {}", told.join(", "))
            }
            Why::Unknown(identity) => write!(
                f,
                ": no known board; {identity}. Nothing is known of its limits beyond what its \
                 kernel says; write a board file and name it with `[box] board`"
            ),
        }
    }
}

fn told(saying: Saying, text: &str) -> String {
    match saying {
        Saying::Compatible => format!("its device tree is compatible with {text}"),
        Saying::Model => format!("its device tree is that of {text}"),
        Saying::SysVendor => format!("its maker is {text}"),
        Saying::ProductName => format!("its product is {text}"),
        Saying::BoardVendor => format!("its board's maker is {text}"),
        Saying::BoardName => format!("its board is {text}"),
        Saying::Acpi => format!("ACPI describes a {text}"),
    }
}

/// The board among `boards` that a box says it is; else the one called [`FALLBACK`].
///
/// # Panics
/// If there is no fallback among them.
pub fn detect(mut boards: Vec<Board>, identity: Identity) -> Detected {
    let mut best: Option<(u32, usize, usize)> = None;
    for (at, board) in boards.iter().enumerate() {
        for (number, module) in board.modules.iter().enumerate() {
            let strength = strength(module, &identity);
            // The first of equals; a test sees to it that shipped boards have none.
            if strength.is_some_and(|strength| best.is_none_or(|(known, ..)| strength > known)) {
                best = strength.map(|strength| (strength, at, number));
            }
        }
    }
    match best {
        Some((_, at, number)) => {
            let board = boards.swap_remove(at);
            let module = board.modules[number].clone();
            let why = Why::Said(said(&module, &identity));
            Detected { board, module: Some(module), why }
        }
        None => {
            let at = boards.iter().position(|board| board.name == FALLBACK);
            let board = boards.swap_remove(at.expect("there is a fallback among the boards"));
            Detected { board, module: None, why: Why::Unknown(identity) }
        }
    }
}

/// The board that the configuration names; its kind is what the box says, if it says one.
pub fn named(board: Board, identity: &Identity) -> Detected {
    let strengths = board.modules.iter().filter_map(|m| Some((strength(m, identity)?, m)));
    let module = strengths.max_by_key(|(strength, _)| *strength).map(|(_, module)| module.clone());
    Detected { board, module, why: Why::Configured }
}

/// How particular a module's claim on a box is; `None` if it has none.
fn strength(module: &Module, identity: &Identity) -> Option<u32> {
    let rule = |(saying, pattern): &(Saying, Pattern)| {
        let said = identity.says(*saying);
        let place = said.iter().position(|text| pattern.fits(text))?;
        // A device tree names the most particular first, so an earlier name counts for more, and
        // any name in it for more than what DMI and ACPI say.
        Some(match saying {
            Saying::Compatible => 10_000_u32.saturating_sub(place as u32),
            Saying::Model => 5_000,
            Saying::SysVendor | Saying::BoardVendor => 10,
            Saying::ProductName | Saying::BoardName => 20,
            Saying::Acpi => 1,
        })
    };
    let strengths: Option<Vec<u32>> = module.rules.iter().map(rule).collect();
    strengths.map(|strengths| strengths.into_iter().sum()).filter(|sum| *sum > 0)
}

fn said(module: &Module, identity: &Identity) -> Vec<(Saying, String)> {
    let rule = |(saying, pattern): &(Saying, Pattern)| {
        let text = identity.says(*saying).into_iter().find(|text| pattern.fits(text))?;
        Some((*saying, text.to_owned()))
    };
    module.rules.iter().filter_map(rule).collect()
}
