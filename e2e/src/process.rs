//! One program, and the ways it can end.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// A running program. It is killed when dropped.
pub struct Process {
    program: PathBuf,
    args: Vec<String>,
    log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts a program with its output appended to a log file.
    pub fn start(program: &Path, args: &[&str], log: &Path) -> Self {
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        let child = spawn(program, &args, log);
        Self { program: program.into(), args, log: log.into(), child }
    }

    /// Ends it at once, as `kill -9` and a power cut do.
    pub fn kill(&mut self) {
        // It may have ended by itself, which is as dead.
        let _ = self.child.kill();
        self.child.wait().expect("a killed program ends");
    }

    /// Starts it again as it was started.
    pub fn restart(&mut self) {
        self.child = spawn(&self.program, &self.args, &self.log);
    }

    /// Stops its execution, as a machine that hangs.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets a paused program go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Asks it to end, and waits.
    pub fn terminate(&mut self, within: Duration) -> ExitStatus {
        self.signal("TERM");
        let end = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("a program can be waited for") {
                return status;
            }
            assert!(Instant::now() < end, "{} ignores SIGTERM", self.program.display());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a program can be waited for")
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .expect("kill starts");
        assert!(status.success(), "{} cannot be sent SIG{name}", self.program.display());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(program: &Path, args: &[String], log: &Path) -> Child {
    let log = File::options().create(true).append(true).open(log).expect("a log can be written");
    let errors = log.try_clone().expect("a log can be shared");
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()))
}
