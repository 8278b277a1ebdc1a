//! A timer finer than that of the event loop, which counts whole milliseconds.

use std::time::Instant;

use harness::failure::{Context, Result};

#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
#[cfg(target_os = "linux")]
use {
    rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec},
    tokio::{io::Interest, io::unix::AsyncFd},
};

/// A timer of the kernel's that the event loop waits for as for a socket. Its times are
/// nanoseconds, and other than the timeouts of `epoll` it fires without slack.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub struct Clock {
    timer: AsyncFd<OwnedFd>,
}

#[cfg(target_os = "linux")]
impl Clock {
    /// A timer of the event loop that the caller runs in.
    pub fn new() -> Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)
            .context("the kernel gives no timer")?;
        // SAFETY: the descriptor belongs to what is registered, which closes it and never changes it.
        let timer = unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) };
        let timer = timer.context("the timer cannot be waited for")?;
        Ok(Clock { timer })
    }

    /// Waits until `due`, not at all where that is past.
    pub async fn wait_until(&mut self, due: Instant) -> Result<()> {
        const ONCE: Timespec = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        loop {
            let early = due.saturating_duration_since(Instant::now());
            if early.is_zero() {
                return Ok(());
            }
            let time = Itimerspec {
                it_interval: ONCE,
                it_value: Timespec::try_from(early).context("a request is due too late")?,
            };
            rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &time)
                .context("the timer cannot be set")?;
            let fired = self.timer.readable_mut().await;
            // It is never read: setting it anew makes it unreadable until it fires again.
            fired.context("the timer cannot be waited for")?.clear_ready();
        }
    }
}

/// The event loop's own timer, where the kernel has none like that.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub struct Clock;

#[cfg(not(target_os = "linux"))]
impl Clock {
    pub fn new() -> Result<Self> {
        Ok(Clock)
    }

    /// Waits until `due`, not at all where that is past.
    pub async fn wait_until(&mut self, due: Instant) -> Result<()> {
        tokio::time::sleep_until(due.into()).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_is_never_early() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut clock = Clock::new().expect("a timer");
            let start = Instant::now();
            for micros in [0, 1, 10, 100, 900, 2500, 20, 0] {
                let due = Instant::now() + Duration::from_micros(micros);
                clock.wait_until(due).await.expect("a timer");
                assert!(Instant::now() >= due, "{micros}");
            }
            clock.wait_until(start).await.expect("a timer");
        });
    }
}
