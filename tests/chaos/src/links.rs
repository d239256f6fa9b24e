//! All connections of the fleet lead through proxies: one for each process and each service that it talks to, so that a fault
//! may strike one process or all of them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::bail;

use crate::plan::Service;
use crate::proxy::Proxy;

/// Ports below 32768, where the kernel hands none to outgoing connections; `scripts/services.sh` takes those above 12000,
/// the fault tests those from 8200 on.
const PORTS: std::ops::Range<u16> = 5_700..8_190;

/// Hands out ports that nobody listens on.
#[derive(Debug)]
pub struct Ports(std::ops::Range<u16>);

impl Default for Ports {
    fn default() -> Self {
        // Two runs at once begin at different places.
        let skip = u16::try_from(std::process::id() % 20).unwrap_or_default() * 60;
        Self(PORTS.start + skip..PORTS.end)
    }
}

impl Ports {
    /// The next one.
    ///
    /// # Errors
    /// When all are taken.
    pub fn free(&mut self) -> anyhow::Result<u16> {
        for port in &mut self.0 {
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(port);
            }
        }
        bail!("no free port between {} and {}", PORTS.start, PORTS.end)
    }
}

/// A proxy between one process and one service.
struct Link {
    process: String,
    service: Service,
    proxy: Proxy,
}

/// All proxies of a run.
#[derive(Default)]
pub struct Links(Vec<Link>);

impl Links {
    /// A new one; the port where the process finds the service.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn add(
        &mut self,
        ports: &mut Ports,
        process: &str,
        service: Service,
        upstream: SocketAddr,
    ) -> anyhow::Result<u16> {
        let proxy = Proxy::start(ports.free()?, upstream).await?;
        let port = proxy.port();
        self.0.push(Link { process: process.to_owned(), service, proxy });
        Ok(port)
    }

    /// The proxies to a service: of one process, or all of them.
    pub fn to(&self, service: Service, process: Option<&str>) -> impl Iterator<Item = &Proxy> {
        self.0
            .iter()
            .filter(move |link| link.service == service && process.is_none_or(|name| name == link.process))
            .map(|link| &link.proxy)
    }

    /// The processes that have a way to a service.
    #[must_use]
    pub fn processes(&self, service: Service) -> Vec<String> {
        let mut all: Vec<_> =
            self.0.iter().filter(|link| link.service == service).map(|link| link.process.clone()).collect();
        all.dedup();
        all
    }
}
