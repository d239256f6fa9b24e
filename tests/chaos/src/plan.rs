//! What goes wrong, with whom, when and for how long: all of it follows from the seed. Must not know how a fault is made.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use ::tests::random::Random;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// SIGKILL to a role's process, and a new one after the hold.
    Kill(Role),
    /// SIGSTOP to a role's process, SIGCONT after the hold: often longer than its leases last.
    Freeze(Role),
    /// SIGTERM to a role's process, which must end in good order; a new one after the hold.
    Stop(Role),
    /// SIGKILL to one process of every role at once: a host is gone.
    HostLost,
    /// SIGKILL to a RabbitMQ node.
    NodeKilled,
    /// SIGKILL to the node that leads the queue of the submitters.
    LeaderKilled,
    /// A RabbitMQ node stops in good order.
    NodeStopped,
    /// SIGSTOP to a RabbitMQ node.
    NodeFrozen,
    /// A node has no member of the submitters' queue any more: who consumes through it gets nothing.
    MemberLost,
    /// SIGKILL to all three nodes at once.
    ClusterKilled,
    /// RabbitMQ finds that it uses too much memory, and blocks publishers.
    MemoryAlarm,
    /// RabbitMQ finds its disk full, and blocks publishers.
    DiskAlarm,
    /// Postgres is restarted in immediate mode: it recovers from its log.
    PostgresRestarted,
    /// Postgres stops in immediate mode and is away for the hold.
    PostgresAway,
    /// Connections are reset.
    Cut(Service),
    /// Everything takes long on the way, and little gets through at once.
    Slow(Service),
    /// One direction is dead while the other works.
    HalfOpen(Service),
    /// Packets vanish in both directions: no reset, no answer.
    Blackhole(Service),
    /// The connections there are fall silent for ever, as when a firewall loses its state; new ones work afterwards.
    Swallowed(Service),
    /// Nobody listens.
    Refused(Service),
    /// The authority answers late, often after the client's patience has run out.
    AuthoritySlow,
    /// The authority answers 503 to everything.
    AuthorityUnavailable,
    /// The authority answers 500 to everything.
    AuthorityBroken,
    /// The authority says 429 with Retry-After.
    AuthorityThrottles,
    /// The authority refuses all credentials.
    AuthorityLocksOut,
    /// The authority takes documents, and cuts the connection or answers nonsense, without a QR, without the document.
    AuthorityLies,
    /// SIGSTOP to the authority: it accepts connections and says nothing.
    AuthorityFrozen,
    /// A queue is deleted, with all that is in it; the fleet must declare it again.
    QueueDropped,
    /// All queues of hints are emptied.
    QueuesPurged,
}

/// A role whose processes are struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Takes events.
    Producer,
    /// Writes documents.
    Encoder,
    /// Sends them.
    Submitter,
}

/// What is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Any RabbitMQ node.
    RabbitMq,
    /// The database.
    Postgres,
    /// The simulator.
    Authority,
    /// A producer, as retailers reach it.
    Intake,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Producer, Self::Encoder, Self::Submitter];

    /// The name of its command.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Encoder => "encoder",
            Self::Submitter => "submitter",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RabbitMq => "RabbitMQ",
            Self::Postgres => "Postgres",
            Self::Authority => "authority",
            Self::Intake => "intake",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Kill(role) => return write!(f, "{} killed", role.name()),
            Self::Freeze(role) => return write!(f, "{} frozen", role.name()),
            Self::Stop(role) => return write!(f, "{} stopped", role.name()),
            Self::Cut(service) => return write!(f, "link cut: {service}"),
            Self::Slow(service) => return write!(f, "link slow: {service}"),
            Self::HalfOpen(service) => return write!(f, "link half open: {service}"),
            Self::Blackhole(service) => return write!(f, "link black hole: {service}"),
            Self::Swallowed(service) => return write!(f, "link swallows: {service}"),
            Self::Refused(service) => return write!(f, "link refused: {service}"),
            Self::HostLost => "host lost",
            Self::NodeKilled => "RabbitMQ node killed",
            Self::LeaderKilled => "RabbitMQ leader killed",
            Self::NodeStopped => "RabbitMQ node stopped",
            Self::NodeFrozen => "RabbitMQ node frozen",
            Self::MemberLost => "RabbitMQ member lost",
            Self::ClusterKilled => "RabbitMQ cluster killed",
            Self::MemoryAlarm => "RabbitMQ memory alarm",
            Self::DiskAlarm => "RabbitMQ disk alarm",
            Self::PostgresRestarted => "Postgres restarted",
            Self::PostgresAway => "Postgres away",
            Self::AuthoritySlow => "authority slow",
            Self::AuthorityUnavailable => "authority answers 503",
            Self::AuthorityBroken => "authority answers 500",
            Self::AuthorityThrottles => "authority answers 429",
            Self::AuthorityLocksOut => "authority answers 401",
            Self::AuthorityLies => "authority lies",
            Self::AuthorityFrozen => "authority frozen",
            Self::QueueDropped => "queue dropped",
            Self::QueuesPurged => "queues purged",
        };
        f.write_str(text)
    }
}

/// Faults of one lane come one after the other, those of different lanes beside each other. What two lanes can do at once
/// leaves the fleet a way back: at most one of them stops nodes or the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// RabbitMQ nodes and Postgres.
    Services,
    /// The fleet's own processes.
    Roles,
    /// Links, the authority and the queues' content.
    Links,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Services, Self::Roles, Self::Links];

    /// What it does, each as often as its weight says, and the shortest and longest hold in milliseconds.
    fn menu(self) -> Vec<(u64, Kind, u64, u64)> {
        use Service::{Authority, Intake, Postgres, RabbitMq};
        match self {
            Self::Services => vec![
                (3, Kind::NodeKilled, 0, 3_000),
                (3, Kind::LeaderKilled, 0, 3_000),
                (2, Kind::NodeStopped, 0, 2_000),
                (3, Kind::NodeFrozen, 2_000, 8_000),
                // Longer than the fleet takes to see it.
                (1, Kind::MemberLost, 50_000, 60_000),
                (1, Kind::ClusterKilled, 0, 1_000),
                (2, Kind::MemoryAlarm, 1_000, 4_000),
                (2, Kind::DiskAlarm, 1_000, 4_000),
                (4, Kind::PostgresRestarted, 0, 0),
                (2, Kind::PostgresAway, 1_000, 4_000),
            ],
            Self::Roles => {
                let mut menu = vec![(2, Kind::HostLost, 0, 2_000)];
                for role in Role::ALL {
                    menu.extend([
                        (2, Kind::Kill(role), 0, 2_000),
                        (2, Kind::Freeze(role), 1_000, 8_000),
                        (2, Kind::Stop(role), 0, 1_000),
                    ]);
                }
                menu
            }
            Self::Links => {
                let mut menu = vec![
                    (2, Kind::AuthoritySlow, 2_000, 5_000),
                    (2, Kind::AuthorityUnavailable, 1_000, 5_000),
                    (2, Kind::AuthorityBroken, 1_000, 3_000),
                    (1, Kind::AuthorityThrottles, 1_000, 3_000),
                    (1, Kind::AuthorityLocksOut, 1_000, 3_000),
                    (3, Kind::AuthorityLies, 2_000, 5_000),
                    (2, Kind::AuthorityFrozen, 1_000, 6_000),
                    (4, Kind::QueueDropped, 0, 0),
                    (3, Kind::QueuesPurged, 0, 0),
                ];
                for service in [RabbitMq, Postgres, Authority, Intake] {
                    menu.extend([
                        (2, Kind::Cut(service), 0, 0),
                        (1, Kind::Slow(service), 2_000, 6_000),
                        (1, Kind::HalfOpen(service), 2_000, 8_000),
                        (1, Kind::Blackhole(service), 2_000, 8_000),
                        (1, Kind::Swallowed(service), 1_000, 4_000),
                        (1, Kind::Refused(service), 1_000, 4_000),
                    ]);
                }
                menu
            }
        }
    }

    /// Between the beginnings of two faults, milliseconds.
    fn pace(self) -> (u64, u64) {
        match self {
            Self::Services => (10_000, 20_000),
            Self::Roles => (6_000, 11_000),
            Self::Links => (4_000, 9_000),
        }
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// After the first event was published; later where the lane is not done with the one before.
    pub at: Duration,
    /// Which lane.
    pub lane: Lane,
    /// What.
    pub kind: Kind,
    /// From it the injector takes which process, node, link or queue.
    pub draw: u64,
    /// How long until it is mended.
    pub hold: Duration,
}

/// Nothing is struck before this: the fleet is to be at work.
const QUIET: Duration = Duration::from_secs(3);

/// The faults of a run, by lane in the order of their times. Every lane goes through its menu, shuffled, before anything comes
/// again, so that a run of some length has seen everything.
#[must_use]
pub fn plan(seed: u64, duration: Duration) -> BTreeMap<Lane, Vec<Fault>> {
    let mut random = Random::new(seed);
    let end = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut faults = BTreeMap::new();
    for lane in Lane::ALL {
        let mut random = Random::new(random.bits());
        let mut planned = Vec::new();
        let mut deck: Vec<(Kind, u64, u64)> = Vec::new();
        let (least, most) = lane.pace();
        let quiet = u64::try_from(QUIET.as_millis()).unwrap_or_default();
        let mut at = quiet + random.between(0, least / 2);
        while at < end {
            if deck.is_empty() {
                deck = round(lane, &mut random);
            }
            let Some((kind, shortest, longest)) = deck.pop() else { break };
            planned.push(Fault {
                at: Duration::from_millis(at),
                lane,
                kind,
                draw: random.bits(),
                hold: Duration::from_millis(random.between(shortest, longest)),
            });
            at += random.between(least, most);
        }
        faults.insert(lane, planned);
    }
    faults
}

/// Once through the menu: everything as often as it weighs, but everything once before anything twice.
fn round(lane: Lane, random: &mut Random) -> Vec<(Kind, u64, u64)> {
    let menu = lane.menu();
    let heaviest = menu.iter().map(|(weight, ..)| *weight).max().unwrap_or_default();
    let mut deck = Vec::new();
    for level in (1..=heaviest).rev() {
        let mut course: Vec<_> = menu
            .iter()
            .filter(|(weight, ..)| *weight >= level)
            .map(|(_, kind, shortest, longest)| (*kind, *shortest, *longest))
            .collect();
        random.shuffle(&mut course);
        deck.extend(course);
    }
    // It is taken from the end: the lowest level, which has everything in it, comes first.
    deck
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_seed_decides_everything() {
        let minutes = Duration::from_secs(600);
        assert_eq!(plan(1, minutes), plan(1, minutes));
        assert_ne!(plan(1, minutes), plan(2, minutes));
    }

    #[test]
    fn ten_minutes_hold_enough_and_everything() {
        for seed in 0..50 {
            let plan = plan(seed, Duration::from_secs(600));
            let all: Vec<_> = plan.values().flatten().collect();
            assert!(all.len() >= 150, "seed {seed}: {}", all.len());
            let kinds: BTreeSet<_> = all.iter().map(|fault| fault.kind).collect();
            let possible: BTreeSet<_> =
                Lane::ALL.iter().flat_map(|lane| lane.menu()).map(|(_, kind, ..)| kind).collect();
            assert_eq!(kinds, possible, "seed {seed}");
        }
    }

    #[test]
    fn a_minute_holds_ten_kinds() {
        for seed in 0..50 {
            let plan = plan(seed, Duration::from_secs(60));
            let kinds: BTreeSet<_> = plan.values().flatten().map(|fault| fault.kind).collect();
            assert!(kinds.len() >= 10, "seed {seed}: {kinds:?}");
        }
    }

    #[test]
    fn faults_of_a_lane_follow_each_other() {
        for (lane, faults) in plan(7, Duration::from_secs(300)) {
            assert!(faults.windows(2).all(|pair| pair[0].at < pair[1].at), "{lane:?}");
            assert!(faults.iter().all(|fault| fault.lane == lane && fault.at >= QUIET));
        }
    }
}
