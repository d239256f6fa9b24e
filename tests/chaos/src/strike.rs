//! How each kind of fault is made, and how it is mended. Must not know when, nor what comes of it.

use std::time::Duration;

use anyhow::{Context, bail};
use broker::{Broker, Ladder, Queue};
use simulator::{Fault as Answer, FaultRule, Latency, Match, Times};
use tests::random::Random;
use tokio::time::{Instant, sleep};

use crate::fleet::{Fleet, RUNGS_MS, TIMEOUT};
use crate::load::REFUSED;
use crate::plan::{Fault, Kind, Role, Service};
use crate::proxy::Mode;
use crate::retailers;
use crate::services::Services;

/// How long a process or a node may take to be back.
const BACK: Duration = Duration::from_secs(120);

/// Takes a member of the submitters' queue off its node, with its data; fails when it is still there.
const LOSE_MEMBER: &str = "_ = ra:force_delete_server(quorum_queues, {'%2F_fawtara.to-submit', node()}), \
    undefined = whereis('%2F_fawtara.to-submit').";
/// Adds one where there is none, as the runbook does; says whether there is one.
const ADD_MEMBER: &str = "case whereis('%2F_fawtara.to-submit') of undefined -> \
    _ = rabbit_quorum_queue:delete_member(<<\"/\">>, <<\"fawtara.to-submit\">>, node()), \
    _ = rabbit_quorum_queue:add_member(<<\"/\">>, <<\"fawtara.to-submit\">>, node(), 5000); \
    _ -> ok end, whereis('%2F_fawtara.to-submit') =/= undefined.";

/// What faults are made with.
pub struct Injector {
    /// RabbitMQ and Postgres.
    pub services: Services,
    /// Everything else.
    pub fleet: Fleet,
}

/// A fault that was made.
pub struct Struck {
    /// Whom or what it hit, for people.
    pub whom: String,
    undo: Undo,
}

enum Undo {
    Nothing,
    StartProcesses(Vec<String>),
    Continue(String),
    StartNodes(Vec<usize>),
    ContinueNode(usize),
    AddMember(usize),
    /// A command of rabbitmqctl.
    Tell(usize, [&'static str; 2]),
    StartPostgres,
    Pass {
        service: Service,
        process: Option<String>,
        cut: bool,
    },
    HonestAuthority,
    ContinueAuthority,
}

impl Injector {
    /// The queue that the submitters take from.
    fn to_submit() -> String {
        ladder().name(Queue::ToSubmit).unwrap_or_default()
    }

    /// Makes a fault.
    ///
    /// # Errors
    /// When it cannot be made; then nothing has changed, or what has is mended.
    pub async fn strike(&self, fault: &Fault) -> anyhow::Result<Struck> {
        let mut random = Random::new(fault.draw);
        let (whom, undo) = match fault.kind {
            Kind::Kill(role) => {
                let name = self.one_of(role, &mut random);
                self.fleet.kill(&name).await?;
                (name.clone(), Undo::StartProcesses(vec![name]))
            }
            Kind::Freeze(role) => {
                let name = self.one_of(role, &mut random);
                self.fleet.signal(&name, "STOP").await?;
                (name.clone(), Undo::Continue(name))
            }
            Kind::Stop(role) => {
                let name = self.one_of(role, &mut random);
                let stopped = self.fleet.stop(&name).await;
                if let Err(error) = stopped {
                    self.fleet.start_process(&name).await?;
                    return Err(error.context(Misbehaved));
                }
                (name.clone(), Undo::StartProcesses(vec![name]))
            }
            Kind::HostLost => {
                let names: Vec<String> =
                    Role::ALL.iter().map(|role| self.one_of(*role, &mut random)).collect();
                for name in &names {
                    self.fleet.kill(name).await?;
                }
                (names.join(", "), Undo::StartProcesses(names))
            }
            Kind::NodeKilled => self.kill_nodes(vec![self.services.any_node(&mut random)]).await?,
            Kind::LeaderKilled => {
                let leader = self.services.leader(&Self::to_submit(), &mut random).await;
                self.kill_nodes(vec![leader]).await?
            }
            Kind::ClusterKilled => self.kill_nodes((0..self.services.nodes.len()).collect()).await?,
            Kind::NodeStopped => {
                let node = self.services.any_node(&mut random);
                self.services.rabbitmqctl(node, &["stop"]).await?;
                (node_name(node), Undo::StartNodes(vec![node]))
            }
            Kind::NodeFrozen => {
                let node = self.services.any_node(&mut random);
                self.services.signal_node(node, "STOP").await?;
                (node_name(node), Undo::ContinueNode(node))
            }
            Kind::MemberLost => {
                let node = self.services.any_node(&mut random);
                self.services.rabbitmqctl(node, &["eval", LOSE_MEMBER]).await?;
                (node_name(node), Undo::AddMember(node))
            }
            Kind::MemoryAlarm => {
                let node = self.services.any_node(&mut random);
                self.services.rabbitmqctl(node, &["set_vm_memory_high_watermark", "0.00001"]).await?;
                (node_name(node), Undo::Tell(node, ["set_vm_memory_high_watermark", "0.8"]))
            }
            Kind::DiskAlarm => {
                let node = self.services.any_node(&mut random);
                self.services.rabbitmqctl(node, &["set_disk_free_limit", "900000000000000"]).await?;
                (node_name(node), Undo::Tell(node, ["set_disk_free_limit", "50000000"]))
            }
            Kind::PostgresRestarted => {
                self.services.pg_ctl(&["restart", "-m", "immediate"]).await?;
                ("Postgres".to_owned(), Undo::Nothing)
            }
            Kind::PostgresAway => {
                self.services.pg_ctl(&["stop", "-m", "immediate"]).await?;
                ("Postgres".to_owned(), Undo::StartPostgres)
            }
            Kind::Cut(service) => {
                let process = self.far_end(service, &mut random);
                self.fleet.links.to(service, process.as_deref()).for_each(crate::proxy::Proxy::cut);
                (between(service, process.as_deref()), Undo::Nothing)
            }
            Kind::Slow(service) => {
                let delay = Duration::from_millis(random.between(20, 200));
                self.mode(service, Mode::Slow(delay), false, &mut random)
            }
            Kind::HalfOpen(service) => {
                let mode = if random.chance(500) { Mode::DeafServer } else { Mode::DeafClient };
                let cut = random.chance(500);
                self.mode(service, mode, cut, &mut random)
            }
            Kind::Blackhole(service) => {
                let cut = random.chance(500);
                self.mode(service, Mode::Blackhole, cut, &mut random)
            }
            Kind::Swallowed(service) => self.mode(service, Mode::Swallow, false, &mut random),
            Kind::Refused(service) => self.mode(service, Mode::Refuse, false, &mut random),
            Kind::AuthoritySlow => {
                let patience = u64::try_from(TIMEOUT.as_millis()).unwrap_or_default();
                let latency = Latency::Uniform { min_ms: patience / 3, max_ms: patience * 5 / 4 };
                self.fleet.tell_authority(&everyday(), latency).await?;
                ("authority".to_owned(), Undo::HonestAuthority)
            }
            Kind::AuthorityUnavailable => self.all_answers(status(503, None)).await?,
            Kind::AuthorityBroken => self.all_answers(status(500, None)).await?,
            Kind::AuthorityThrottles => self.all_answers(status(429, Some(1))).await?,
            Kind::AuthorityLocksOut => self.all_answers(status(401, None)).await?,
            Kind::AuthorityLies => {
                self.fleet.tell_authority(&lies(), usual_latency()).await?;
                ("authority".to_owned(), Undo::HonestAuthority)
            }
            Kind::AuthorityFrozen => {
                self.fleet.signal_authority("STOP").await?;
                ("authority".to_owned(), Undo::ContinueAuthority)
            }
            Kind::QueueDropped => {
                // Not the intake: what it holds is nowhere else yet, and dropping it would lose it by an operator's hand.
                let queues: Vec<_> = hint_queues().filter_map(|queue| ladder().name(queue)).collect();
                let queue = random.pick(&queues).clone();
                self.services.rabbitmqctl_somewhere(&["delete_queue", &queue]).await?;
                (queue, Undo::Nothing)
            }
            Kind::QueuesPurged => (self.purge().await?, Undo::Nothing),
        };
        Ok(Struck { whom, undo })
    }

    /// Mends it, and waits until what was struck is back. The fleet may need longer.
    ///
    /// # Errors
    /// When it cannot be mended, or what was struck does not come back.
    pub async fn mend(&self, struck: Struck) -> anyhow::Result<()> {
        match struck.undo {
            Undo::Nothing => Ok(()),
            Undo::StartProcesses(names) => {
                for name in &names {
                    self.fleet.start_process(name).await?;
                }
                for name in &names {
                    self.fleet.is_ready(name, BACK).await?;
                }
                Ok(())
            }
            Undo::Continue(name) => {
                self.fleet.signal(&name, "CONT").await?;
                self.fleet.is_ready(&name, BACK).await
            }
            Undo::StartNodes(nodes) => {
                // One that was asked to stop may not be gone yet.
                sleep(Duration::from_millis(200)).await;
                for node in &nodes {
                    self.services.start_node(*node).await?;
                }
                for node in &nodes {
                    self.services.node_is_up(*node, BACK).await?;
                }
                Ok(())
            }
            Undo::ContinueNode(node) => self.services.signal_node(node, "CONT").await,
            Undo::AddMember(node) => self.add_member(node).await,
            Undo::Tell(node, arguments) => self.services.rabbitmqctl(node, &arguments).await.map(drop),
            Undo::StartPostgres => self.services.pg_ctl(&["start"]).await,
            Undo::Pass { service, process, cut } => {
                for proxy in self.fleet.links.to(service, process.as_deref()) {
                    if cut {
                        proxy.cut();
                    }
                    proxy.set(Mode::Pass);
                }
                Ok(())
            }
            Undo::HonestAuthority => self.be_honest().await,
            Undo::ContinueAuthority => self.fleet.signal_authority("CONT").await,
        }
    }

    async fn add_member(&self, node: usize) -> anyhow::Result<()> {
        let end = Instant::now() + BACK;
        loop {
            // The queue may be dropped, or be electing a leader, just now.
            let said = self.services.rabbitmqctl(node, &["-q", "eval", ADD_MEMBER]).await;
            match said {
                Ok(said) if said.trim() == "true" => return Ok(()),
                Ok(_) | Err(_) if Instant::now() < end => sleep(Duration::from_secs(1)).await,
                Ok(said) => bail!("{} has no member of the queue: {said}", node_name(node)),
                Err(error) => return Err(error),
            }
        }
    }

    /// The authority on an ordinary day.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn be_honest(&self) -> anyhow::Result<()> {
        self.fleet.tell_authority(&everyday(), usual_latency()).await
    }

    fn one_of(&self, role: Role, random: &mut Random) -> String {
        let names = self.fleet.of_role(role);
        if names.is_empty() { String::new() } else { random.pick(&names).clone() }
    }

    /// The process whose links are struck; none is all of them.
    fn far_end(&self, service: Service, random: &mut Random) -> Option<String> {
        let processes = self.fleet.links.processes(service);
        (random.chance(500) && !processes.is_empty()).then(|| random.pick(&processes).clone())
    }

    fn mode(&self, service: Service, mode: Mode, cut: bool, random: &mut Random) -> (String, Undo) {
        let process = self.far_end(service, random);
        self.fleet.links.to(service, process.as_deref()).for_each(|proxy| proxy.set(mode));
        let whom = format!("{} ({mode:?})", between(service, process.as_deref()));
        (whom, Undo::Pass { service, process, cut })
    }

    async fn kill_nodes(&self, nodes: Vec<usize>) -> anyhow::Result<(String, Undo)> {
        let mut killed = Vec::new();
        for node in nodes {
            if let Err(error) = self.services.signal_node(node, "KILL").await {
                self.mend(Struck { whom: String::new(), undo: Undo::StartNodes(killed) }).await?;
                return Err(error);
            }
            killed.push(node);
        }
        let whom: Vec<_> = killed.iter().map(|node| node_name(*node)).collect();
        Ok((whom.join(", "), Undo::StartNodes(killed)))
    }

    async fn all_answers(&self, answer: Answer) -> anyhow::Result<(String, Undo)> {
        self.fleet.tell_authority(&[FaultRule::always(answer)], usual_latency()).await?;
        Ok(("authority".to_owned(), Undo::HonestAuthority))
    }

    async fn purge(&self) -> anyhow::Result<String> {
        let url = self.services.amqp_url(self.services.nodes.iter().map(std::net::SocketAddr::port));
        let broker = retailers::connect(&url, "chaos").await.context("to purge the queues")?;
        let mut lost = 0;
        for queue in hint_queues() {
            lost += broker.purge(queue).await.unwrap_or_default();
        }
        broker.close().await;
        Ok(format!("{lost} hints"))
    }
}

/// The fault was made, and a process did not take it as it must.
#[derive(Debug, Clone, Copy)]
pub struct Misbehaved;

impl std::fmt::Display for Misbehaved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it did not do as it must")
    }
}

fn ladder() -> Ladder {
    Ladder { rungs_ms: RUNGS_MS.to_vec() }
}

fn hint_queues() -> impl Iterator<Item = Queue> {
    ladder().queues().into_iter().filter(|queue| *queue != Queue::Intake)
}

fn node_name(node: usize) -> String {
    format!("node {}", node + 1)
}

fn between(service: Service, process: Option<&str>) -> String {
    format!("{} to {service}", process.unwrap_or("all"))
}

fn usual_latency() -> Latency {
    Latency::Uniform { min_ms: 2, max_ms: 40 }
}

fn status(code: u16, retry_after_s: Option<u64>) -> Answer {
    Answer::Status { code, retry_after_s, processed: false }
}

fn refusal() -> FaultRule {
    FaultRule {
        matching: Match { number_prefix: Some(REFUSED.to_owned()), ..Match::default() },
        times: Times::Always,
        fault: Answer::Refuse { message: "المشتري غير معروف".to_owned(), status: None },
    }
}

fn sometimes(permille: u16, times: Times, fault: Answer) -> FaultRule {
    FaultRule { matching: Match { chance_permille: Some(permille), ..Match::default() }, times, fault }
}

/// What happens on ordinary days: it refuses what it is to refuse, and now and then a first attempt goes wrong.
fn everyday() -> Vec<FaultRule> {
    let once = |permille, fault| sometimes(permille, Times::PerDocument(1), fault);
    vec![
        once(5, Answer::DropBefore),
        // From here on the document is looked at, which must not happen to one that is to be refused.
        refusal(),
        once(5, Answer::DropAfter),
        once(5, status(503, None)),
        once(5, Answer::Garbage { processed: true }),
    ]
}

/// It takes nearly everything, and says so to hardly anybody.
fn lies() -> Vec<FaultRule> {
    let often = |permille, fault| sometimes(permille, Times::Always, fault);
    vec![
        refusal(),
        often(200, Answer::DropAfter),
        often(200, Answer::Garbage { processed: true }),
        often(100, Answer::Html { processed: true }),
        often(100, Answer::Empty { processed: true }),
        often(100, Answer::Status { code: 500, retry_after_s: None, processed: true }),
        often(200, Answer::WithoutQr),
        often(200, Answer::WithoutDocument),
    ]
}
