//! Time computed, which other programs on the machine do not change much.

/// Seconds that this thread has computed.
pub(crate) fn of_thread() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Seconds that another process has computed, to a hundredth.
pub(crate) fn of_process(id: u32) -> f64 {
    std::fs::read_to_string(format!("/proc/{id}/stat")).ok().and_then(|stat| ticks(&stat)).unwrap_or(0) as f64 / 100.0
}

/// What a line of the kernel's says was computed.
fn ticks(stat: &str) -> Option<u64> {
    let (_, back) = stat.rsplit_once(") ")?;
    let mut fields = back.split(' ').skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// Seconds that this process's threads of that name have computed, to a hundredth.
pub(crate) fn of_threads(name: &str) -> f64 {
    let ticks = |task: std::fs::DirEntry| -> Option<u64> {
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        let (front, _) = stat.rsplit_once(") ")?;
        if front.ends_with(&format!("({name}")) { ticks(&stat) } else { None }
    };
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    // The kernel shows hundredths to every program, whatever it counts in.
    tasks.filter_map(ticks).sum::<u64>() as f64 / 100.0
}
