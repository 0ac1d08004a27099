//! What each kind of player does when it is asked.
//!
//! A player is asked three times: as a worker, for an answer; as an auditor, for an answer too; and,
//! when it is audited, whether it reveals. It knows the formulas and its own record.

use rand::Rng;

/// How somebody plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Play {
    /// Computes what it is asked for, and nothing else.
    Honest,
    /// Means to, but one result in a thousand is wrong.
    Faulty,
    /// Answers at random and hopes.
    Random,
    /// Is wrong when its record has made an audit as rare as it gets and there is no other replica,
    /// and silent when it is audited.
    Selective,
    /// The same, only where an audit is no likelier than it must be for a wrong result to be a loss;
    /// with others, who agree with each other when one audits the other.
    Colluding,
    /// The same, and a third of the blocks are its own: it holds back those that would bring an audit.
    Withholding,
    /// The same, and it commits when its own block decides. Beyond what the chain defends against.
    Timing,
    /// Asks less than half of what others do, so that nobody can be drawn to audit it but its
    /// likes. Beyond what the chain defends against.
    Undercutting,
    /// As an auditor, guesses.
    Guessing,
    /// As an auditor, asks the worker for its answer, and takes it.
    Asking,
    /// As an auditor, takes an answer that comes with the opening of its commitment.
    Trusting,
    /// Commits what another replica has committed.
    Copying,
    /// Challenges right results.
    Challenging,
    /// Gives jobs back.
    Declining,
    /// Does not answer as an auditor.
    Idling,
    /// Is always wrong, and begins anew with another account when it is found out.
    Fresh,
    /// Orders jobs from itself, to have a record.
    Farming,
    /// Orders jobs from itself with ever new accounts, to have its own auditors paid.
    Draining,
    /// The same without computing anything, for a version that nobody else serves.
    Pumping,
    /// The same with an account that keeps its record.
    Siphoning,
    /// The same of a validator, which commits when its own block decides and holds it back if it
    /// brings no audit. Beyond what the chain defends against.
    Hunting,
}

/// What a worker commits to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What the model gives.
    Right,
    /// Something else. Equal numbers are equal outputs.
    Wrong(u64),
    /// The commitment of somebody else, which it cannot open.
    Copied,
    /// Nothing: it gives the job back.
    Declined,
}

/// What an auditor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Runs the model.
    Run,
    /// Commits the audited worker's answer, unseen.
    Agree,
    /// Commits anything.
    Guess,
    /// Nothing.
    Idle,
}

/// What a worker sees before it commits.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// The record makes an audit no likelier than the size of the reward does.
    pub rare: bool,
    /// An audit is no likelier than it must be for a wrong result to be a loss.
    pub barely: bool,
    /// There are other replicas.
    pub replicas: bool,
    /// It ordered the job itself.
    pub own: bool,
}

/// What an auditor sees before it commits.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// The audited worker is of the same group.
    pub friend: bool,
    /// The audited worker is wrong, and hands over its opening.
    pub opened: bool,
}

impl Play {
    /// What it commits to as a worker of group `group`.
    pub fn answer(self, sight: Sight, group: u64, rng: &mut impl Rng) -> Answer {
        match self {
            Self::Random | Self::Fresh => Answer::Wrong(rng.random_range(1_000..u64::MAX)),
            Self::Faulty if rng.random_ratio(1, 1_000) => {
                Answer::Wrong(rng.random_range(1_000..u64::MAX))
            }
            Self::Undercutting if !sight.replicas => Answer::Wrong(group),
            Self::Selective if sight.rare && !sight.replicas => Answer::Wrong(group),
            Self::Colluding | Self::Withholding | Self::Timing
                if sight.barely && !sight.replicas =>
            {
                Answer::Wrong(group)
            }
            Self::Pumping | Self::Siphoning | Self::Hunting if sight.own => Answer::Wrong(group),
            Self::Copying if sight.replicas => Answer::Copied,
            Self::Declining if rng.random_ratio(1, 2) => Answer::Declined,
            _ => Answer::Right,
        }
    }

    /// What it does as an auditor.
    pub fn check(self, offer: Offer) -> Check {
        match self {
            // An answer that comes without its opening is a trap: whoever hands over a wrong one wins.
            Self::Guessing | Self::Asking => Check::Guess,
            Self::Trusting if offer.opened => Check::Agree,
            Self::Idling => Check::Idle,
            _ if offer.friend => Check::Agree,
            _ => Check::Run,
        }
    }

    /// Whether it keeps silent when it is audited and knows that it is wrong.
    pub fn hides(self) -> bool {
        !matches!(self, Self::Random | Self::Faulty)
    }

    /// Whether it hands the opening of a wrong answer to its auditor.
    pub fn opens(self) -> bool {
        self == Self::Selective
    }

    /// The chance that a block which would bring what it does not want is held back: of the first
    /// such block, and of each one after it.
    pub fn holds_back(self) -> (f64, f64) {
        match self {
            Self::Withholding => (1.0 / 3.0, 1.0 / 3.0),
            Self::Timing | Self::Hunting => (1.0, 1.0 / 3.0),
            _ => (0.0, 0.0),
        }
    }

    /// Whether it wants to be audited.
    pub fn wants_audits(self) -> bool {
        self == Self::Hunting
    }

    /// Whether it is one person with its group, or acts as if it were.
    pub fn conspires(self) -> bool {
        matches!(
            self,
            Self::Colluding
                | Self::Withholding
                | Self::Timing
                | Self::Undercutting
                | Self::Fresh
                | Self::Farming
                | Self::Draining
                | Self::Pumping
                | Self::Siphoning
                | Self::Hunting
        )
    }

    /// Whether its worker that orders from itself needs an account without a record for every job.
    pub fn renews(self) -> bool {
        matches!(self, Self::Draining | Self::Pumping)
    }

    /// Whether it orders jobs from itself.
    pub fn deals(self) -> bool {
        matches!(
            self,
            Self::Farming | Self::Draining | Self::Pumping | Self::Siphoning | Self::Hunting
        )
    }

    /// Which version it serves: that of everybody, or one that its group has to itself.
    pub fn version(self) -> usize {
        usize::from(matches!(self, Self::Pumping | Self::Siphoning | Self::Hunting))
    }
}
