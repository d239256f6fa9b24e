//! Who keeps the posts of the fleet filled: whoever dies is replaced under a new name.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use encoder::DocumentEncoder;
use invoice::life::Policies;
use invoice::{Environment, IncomeSource};
use jofotara::Client;
use ledger::{Draft, Encode, Encoding, Unencoded, unchanging};
use notices::WebhookClient;
use producer::{Intake, Producer};
use submitter::{EventsConfig, Telling};
use tests::faulty;
use tests::life::Life;
use tokio_util::sync::CancellationToken;

use crate::world::{World, lock};
use crate::{houses, plan};

/// On the exchange alone: webhooks need a network.
static TELLING: LazyLock<Telling> = LazyLock::new(|| Telling {
    listeners: Vec::new(),
    client: WebhookClient::new(Duration::from_secs(1), None).expect("a client that is never used"),
    config: EventsConfig { exchange: true, every_ms: 100, batch: 4, ..EventsConfig::default() },
});

/// The roles that have a process of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Post {
    Producer,
    Encoder,
    Submitter,
}

/// A process at work.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) post: Post,
    pub(crate) life: Life,
    pub(crate) stop: CancellationToken,
}

/// Refuses late what intake let pass.
struct Picky(DocumentEncoder);

impl Encode for Picky {
    fn icv_start(&self, environment: Environment, source: &IncomeSource) -> Option<u64> {
        self.0.icv_start(environment, source)
    }

    fn encode(&self, draft: &Draft, icv: u64) -> Result<Encoding, Unencoded> {
        if draft.invoice.number.starts_with(plan::UNFIT) {
            return Err(Unencoded::unfit("غير صالح: found unfit on purpose"));
        }
        self.0.encode(draft, icv)
    }

    fn policies(&self) -> Policies {
        self.0.policies()
    }
}

impl World {
    /// A new life; it may carry its end in itself.
    pub(crate) fn born(&self, name: String, mortal: bool) -> Life {
        let life = match &self.fuse {
            Some(fuse) => Life::sharing(name, Arc::clone(fuse)),
            None => {
                let fuse = mortal && self.chaos.is_storm() && self.chance(600);
                Life::new(name, fuse.then(|| self.between(3, 400)))
            }
        };
        lock(&self.lives).push(life.clone());
        life
    }

    pub(crate) fn may_die(&self, post: Post) -> bool {
        !(self.drafts_arrive && post == Post::Producer)
    }

    /// Keeps one seat filled.
    pub(crate) async fn keep(self: Arc<Self>, post: Post, seat: u64) {
        let mut incarnation = 0;
        while !self.stop.is_cancelled() {
            let name = format!("{post:?}-{seat}.{incarnation}").to_lowercase();
            let life = self.born(name.clone(), self.may_die(post));
            let process = Process { post, life: life.clone(), stop: self.stop.child_token() };
            lock(&self.alive).insert(format!("{post:?}-{seat}"), process.clone());
            let mut work = tokio::spawn(Arc::clone(&self).work(process));
            tokio::select! {
                biased;
                () = life.died() => {
                    work.abort();
                    let _ = work.await;
                }
                end = &mut work => match end {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => self.mishap(format!("{name} gave up: {error}")),
                    Err(error) => self.mishap(format!("{name} ended by itself: {error}")),
                },
            }
            incarnation += 1;
            if !self.stop.is_cancelled() {
                self.pause(300).await;
            }
        }
    }

    async fn work(self: Arc<Self>, process: Process) -> Result<(), String> {
        let Process { post, life, stop } = process;
        let seams = faulty::over(&self.seams, &self.chaos, &life);
        match post {
            Post::Producer => {
                let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let config =
                    producer::Config { listen, batch: 4, prefetch: 8, ..producer::Config::default() };
                let producer =
                    Producer::bind(self.intake(&life), config).await.map_err(|error| error.to_string())?;
                producer.run(stop).await.map_err(|error| error.to_string())
            }
            Post::Encoder => {
                let mut encoder = seams.encoder(&self.numbers);
                encoder.documents = Arc::new(Picky(self.document_encoder()));
                encoder.run(stop).await.map_err(|error| error.to_string())
            }
            Post::Submitter => {
                let mut submitter = seams.submitter(&self.numbers, life.name());
                submitter.endpoints = unchanging(houses::endpoints(&self.houses, self.numbers.timeout));
                // Remarks on seals are no promise, and each costs as much as all the rest of a clearance.
                submitter.client = Client::new(Arc::clone(&seams.transport)).checking_seals(false);
                submitter.telling = self.tells.then(|| TELLING.clone());
                submitter.run(stop).await.map_err(|error| error.to_string())
            }
        }
    }

    pub(crate) fn document_encoder(&self) -> DocumentEncoder {
        DocumentEncoder::new(houses::registrations(&self.houses)).with_policies(self.numbers.policy.clone())
    }

    /// The intake as this process has it.
    pub(crate) fn intake(&self, life: &Life) -> Intake {
        let mut intake = faulty::over(&self.seams, &self.chaos, life).intake();
        intake.registrations = houses::registrations(&self.houses);
        intake
    }
}
