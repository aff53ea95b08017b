//! By what the system tells a command to stop: a signal on Unix, an event of the console on Windows.
//!
//! Nothing is decided here, and nothing is counted.

pub(crate) use system::StopSignals;

/// What the command was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopSignal {
    /// Ctrl-C.
    Interrupt,
    /// To end, by a person or a program that means it.
    Terminate,
    /// Its terminal is going away, or its user.
    Alone,
}

#[cfg(unix)]
mod system {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use crate::cli::stop_signals::StopSignal;

    /// The signals that are listened to.
    pub(crate) struct StopSignals {
        interrupt: Signal,
        terminate: Signal,
        /// None where it is ignored.
        hangup: Option<Signal>,
    }

    impl StopSignals {
        /// Begins to listen.
        pub(crate) fn open() -> std::io::Result<Self> {
            let hangup = if is_ignored(SignalKind::hangup()) { None } else { Some(signal(SignalKind::hangup())?) };
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
        }

        /// Waits for the next signal.
        pub(crate) async fn next(&mut self) -> StopSignal {
            tokio::select! {
                _ = self.interrupt.recv() => StopSignal::Interrupt,
                _ = self.terminate.recv() => StopSignal::Terminate,
                () = heard(&mut self.hangup) => StopSignal::Alone,
            }
        }
    }

    /// Waits for a signal that may not be listened to.
    async fn heard(signal: &mut Option<Signal>) {
        match signal {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }

    /// Whether this process was started with a signal ignored, as by `nohup`: whoever did so wants it to go on. Only Linux tells that in a file;
    /// elsewhere it cannot be asked without unsafe code, and counts as not ignored.
    fn is_ignored(signal: SignalKind) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok()).unwrap_or(0);
        mask >> (signal.as_raw_value() - 1) & 1 == 1
    }
}

#[cfg(windows)]
mod system {
    use tokio::signal::windows::{
        CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown,
    };

    use crate::cli::stop_signals::StopSignal;

    /// The events that are listened to.
    pub(crate) struct StopSignals {
        interrupt: CtrlC,
        terminate: CtrlBreak,
        close: CtrlClose,
        logoff: CtrlLogoff,
        shutdown: CtrlShutdown,
    }

    impl StopSignals {
        /// Begins to listen.
        pub(crate) fn open() -> std::io::Result<Self> {
            Ok(Self {
                interrupt: ctrl_c()?,
                terminate: ctrl_break()?,
                close: ctrl_close()?,
                logoff: ctrl_logoff()?,
                shutdown: ctrl_shutdown()?,
            })
        }

        /// Waits for the next signal. After the last three, Windows ends the process within seconds whatever it does.
        pub(crate) async fn next(&mut self) -> StopSignal {
            tokio::select! {
                _ = self.interrupt.recv() => StopSignal::Interrupt,
                _ = self.terminate.recv() => StopSignal::Terminate,
                _ = self.close.recv() => StopSignal::Alone,
                _ = self.logoff.recv() => StopSignal::Alone,
                _ = self.shutdown.recv() => StopSignal::Alone,
            }
        }
    }
}
