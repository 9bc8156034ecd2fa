//! An order to fail: which point, at which of its passings, and how. One line of text.

use std::fmt;
use std::str::FromStr;

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The program ends at once.
    Kill,
    /// The disk is full for that many passings of any point that can fail.
    Full(u32),
    /// The disk is read-only for that many passings of any point that can fail.
    ReadOnly(u32),
}

/// `NUMBER POINT PASSING ACT [PASSINGS]`, such as `12 store.commit.before 3 full 5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Another number is another order: passings are counted from its arrival.
    pub number: u64,
    /// The point's name.
    pub point: String,
    /// At which of its passings, from 1.
    pub passing: u32,
    /// What happens.
    pub act: Act,
}

/// The text is no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoOrder;

impl FromStr for Order {
    type Err = NoOrder;

    fn from_str(text: &str) -> Result<Self, NoOrder> {
        let mut words = text.split_ascii_whitespace();
        let mut word = || words.next().ok_or(NoOrder);
        let number = word()?.parse().map_err(|_| NoOrder)?;
        let point = word()?.to_owned();
        let passing = word()?.parse().map_err(|_| NoOrder)?;
        let act = word()?;
        let mut passings = || word()?.parse().map_err(|_| NoOrder);
        let act = match act {
            "kill" => Act::Kill,
            "full" => Act::Full(passings()?),
            "read-only" => Act::ReadOnly(passings()?),
            _unknown => return Err(NoOrder),
        };
        Ok(Self { number, point, passing, act })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.number, self.point, self.passing)?;
        match self.act {
            Act::Kill => f.write_str("kill"),
            Act::Full(passings) => write!(f, "full {passings}"),
            Act::ReadOnly(passings) => write!(f, "read-only {passings}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_read_as_it_is_written_and_nothing_else_is_one() {
        for text in
            ["1 store.commit.before 3 kill", "2 clip.write 1 full 9", "3 clip.write 1 read-only 2"]
        {
            assert_eq!(text.parse::<Order>().map(|order| order.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "1 point", "x point 1 kill", "1 point 1 burn", "1 point 1 full"] {
            assert_eq!(text.parse::<Order>(), Err(NoOrder), "{text}");
        }
    }
}
