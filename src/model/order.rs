//! The orders in which files can be taken.

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As the walk finds them, each machine starting elsewhere: the first job starts at once and machines rarely meet.
    #[default]
    Spread,
    /// Changed last.
    Newest,
    /// Changed longest ago.
    Oldest,
    Largest,
    Smallest,
    /// What is likely to free most.
    Savings,
    /// By path.
    Name,
    Random,
}
