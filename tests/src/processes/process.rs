//! One process of the real binary: started, killed, asked to stop, its log kept.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::wait;

/// A role's process. Killed when dropped.
pub struct Process {
    name: String,
    config: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    admin: Option<String>,
    child: Option<Child>,
}

impl Process {
    pub(super) fn new(
        name: &str,
        config: &Path,
        arguments: Vec<String>,
        log: PathBuf,
        admin: Option<String>,
    ) -> Self {
        Self { name: name.to_owned(), config: config.to_owned(), arguments, log, admin, child: None }
    }

    /// Starts it; what it logs is added to what it logged before.
    pub fn start(&mut self) {
        let log =
            || OpenOptions::new().create(true).append(true).open(&self.log).expect("the log can be written");
        let child = super::binary::command(&self.config)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log())
            .stderr(log())
            .spawn()
            .expect("the binary can be started");
        self.child = Some(child);
    }

    /// Ends it as a power cut does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to stop, and waits at most `deadline` for it; how it ended, and how long that took.
    pub async fn stop(&mut self, deadline: Duration) -> (ExitStatus, Duration) {
        self.ask_to_stop();
        self.stop_asked(deadline).await
    }

    /// Waits for it at most `deadline`, after [`Process::ask_to_stop`].
    pub async fn stop_asked(&mut self, deadline: Duration) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        let child = self.child.as_mut().expect("it runs");
        let child = std::cell::RefCell::new(child);
        let status = wait::until(&format!("{} to stop", self.name), deadline, || async {
            child.borrow_mut().try_wait().expect("it is our child")
        })
        .await;
        self.child = None;
        (status, begun.elapsed())
    }

    /// Stops it where it stands, without its knowing: SIGSTOP.
    pub fn freeze(&self) {
        signal(self.child.as_ref().expect("it runs").id(), "STOP");
    }

    /// Lets it go on after [`Process::freeze`].
    pub fn resume(&self) {
        signal(self.child.as_ref().expect("it runs").id(), "CONT");
    }

    /// Sends SIGTERM and returns at once.
    pub fn ask_to_stop(&self) {
        signal(self.child.as_ref().expect("it runs").id(), "TERM");
    }

    /// How it ended, if it did by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().expect("it is our child"))
    }

    /// Memory that it holds, MB.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn memory_mb(&self) -> f64 {
        memory_mb(self.child.as_ref().expect("it runs").id())
    }

    /// Its admin port, as a URL.
    #[must_use]
    pub fn admin(&self) -> Option<&str> {
        self.admin.as_deref()
    }

    /// What it has logged so far, over all its lives.
    #[must_use]
    pub fn logged(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Memory that a process holds, MB; 0 where nobody tells.
#[must_use]
pub fn memory_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok()).unwrap_or_default()
        / 1_024.0
}

/// Sends a signal by its name without SIG; the standard library has no words for this.
///
/// # Panics
/// When there is no such process.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {pid}")).status().expect("sh runs");
    assert!(status.success(), "kill -{name} {pid}: {status}");
}
