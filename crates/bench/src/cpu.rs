//! Time computed, which other programs on the machine do not change much.

/// Seconds that this thread has computed.
pub(crate) fn of_thread() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Seconds that this process's threads of that name have computed, to a hundredth.
pub(crate) fn of_threads(name: &str) -> f64 {
    let ticks = |task: std::fs::DirEntry| -> Option<u64> {
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        let (front, back) = stat.rsplit_once(") ")?;
        let fields: Vec<_> = back.split(' ').collect();
        let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        front.ends_with(&format!("({name}")).then_some(ticks)
    };
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    // The kernel shows hundredths to every program, whatever it counts in.
    tasks.filter_map(ticks).sum::<u64>() as f64 / 100.0
}
