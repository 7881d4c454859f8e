//! What a worker does while it holds a lease, and when it loses one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use proofmark::media::Cancel;
use proofmark::queue::{self, Event, Hold, Job, Outcome, State, Work, Worker};

use super::{claim, done, hasty, look, open, raw, reap, state};

/// A worker that does what it is told for each file.
pub(super) struct Robot<F> {
    run: F,
    abandoned: Mutex<Vec<i64>>,
    heard: Mutex<Vec<String>>,
}

impl<F: Fn(&Job, &Hold<'_>) -> Outcome + Sync> Robot<F> {
    pub(super) fn new(run: F) -> Self {
        Self { run, abandoned: Mutex::default(), heard: Mutex::default() }
    }
}

impl<F: Fn(&Job, &Hold<'_>) -> Outcome + Sync> Work for Robot<F> {
    fn run(&self, job: &Job, hold: &Hold<'_>) -> Outcome {
        (self.run)(job, hold)
    }

    fn abandon(&self, job: &Job) {
        self.abandoned.lock().unwrap().push(job.id);
    }

    fn hear(&self, event: &Event<'_>) {
        let word = match event {
            Event::Ended(_, state, ..) => state.to_string(),
            Event::Lost(_) => "lost".into(),
            Event::Away(_) => "away".into(),
            Event::Back => "back".into(),
            _ => return,
        };
        self.heard.lock().unwrap().push(word);
    }
}

pub(super) fn worker(jobs: usize) -> Worker {
    let mut worker = Worker::new("robot".into());
    (worker.jobs, worker.until_empty, worker.policy) = (jobs, true, hasty());
    // A busy machine may stand still for a while, which is nobody's death.
    worker.policy.lease = Duration::from_secs(3);
    worker
}

/// Waits until something is so.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !so() {
        assert!(Instant::now() < end, "{what}: not within ten seconds");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn leases_are_renewed_as_long_as_the_work_takes() {
    let (queue, _) = open();
    let id = queue.submit(&[look(1)]).unwrap()[0].id;
    let mut brief = worker(1);
    brief.policy.lease = Duration::from_millis(600);
    let robot = Robot::new(|_: &Job, hold: &Hold<'_>| {
        std::thread::sleep(3 * brief.policy.lease);
        if hold.cancel().is_cancelled() { Outcome::Stopped } else { done("slow") }
    });
    queue::work(&queue, &brief, &Cancel::default(), &robot).unwrap();
    let job = queue.job(id).unwrap().unwrap();
    assert_eq!((job.state, job.attempt, job.deaths), (State::Done, 1, 0));
}

#[test]
fn a_worker_stops_what_was_cancelled_and_gives_back_what_it_holds_when_it_ends() {
    let (queue, _) = open();
    let ids: Vec<i64> = queue.submit(&[look(1), look(2)]).unwrap().iter().map(|s| s.id).collect();
    let robot = Robot::new(|_: &Job, hold: &Hold<'_>| {
        while !hold.cancel().is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Outcome::Stopped
    });
    let stop = Cancel::default();
    std::thread::scope(|scope| {
        let ended = scope.spawn(|| queue::work(&queue, &worker(2), &stop, &robot));
        until("both run", || ids.iter().all(|&id| state(&queue, id) == State::Running));
        assert!(queue.cancel(ids[0]).unwrap());
        until("the cancelled one is let go of", || {
            robot.heard.lock().unwrap().contains(&"lost".to_string())
        });
        stop.cancel();
        ended.join().unwrap().unwrap();
    });
    let job = queue.job(ids[1]).unwrap().unwrap();
    assert_eq!(
        (state(&queue, ids[0]), job.state, job.deaths, job.worker),
        (State::Cancelled, State::Waiting, 0, None)
    );
}

#[test]
fn a_worker_goes_on_when_its_connections_are_cut() {
    let (queue, _) = open();
    queue.submit(&(0..40).map(look).collect::<Vec<_>>()).unwrap();
    let mut knife = raw(&queue);
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = \
        current_database() AND pid <> pg_backend_pid()";
    let runs = AtomicUsize::new(0);
    let robot = Robot::new(|_: &Job, _: &Hold<'_>| {
        runs.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(15));
        done("good")
    });
    let patient = worker(2);
    std::thread::scope(|scope| {
        let ended = scope.spawn(|| queue::work(&queue, &patient, &Cancel::default(), &robot));
        while !ended.is_finished() {
            knife.query_one(cut, &[]).unwrap();
            std::thread::sleep(Duration::from_millis(40));
        }
        ended.join().unwrap().unwrap();
    });
    let overview = queue.overview().unwrap();
    assert_eq!(overview.states.iter().find(|s| s.0 == State::Done).unwrap().1, 40, "{overview:?}");
    assert!(queue.list(None, 100).unwrap().iter().all(|j| j.deaths == 0));
}

#[test]
fn a_suspect_is_worked_on_alone_and_a_bug_parks_its_job() {
    let (queue, _) = open();
    let ids: Vec<i64> =
        queue.submit(&(0..6).map(look).collect::<Vec<_>>()).unwrap().iter().map(|s| s.id).collect();
    // The first three cost a worker.
    (0..3).for_each(|_| drop(claim(&queue, "dead").unwrap()));
    assert_eq!(reap(&queue, &hasty()).len(), 3);
    let (at_work, crowded) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let robot = Robot::new(|job: &Job, _: &Hold<'_>| {
        let others = at_work.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        crowded.fetch_add(
            usize::from(job.deaths > 0 && (others > 0 || at_work.load(Ordering::SeqCst) > 1)),
            Ordering::SeqCst,
        );
        at_work.fetch_sub(1, Ordering::SeqCst);
        assert!(job.id != ids[5], "a bug");
        done("good")
    });
    queue::work(&queue, &worker(4), &Cancel::default(), &robot).unwrap();
    assert_eq!(crowded.load(Ordering::SeqCst), 0);
    let parked = queue.list(Some(State::Parked), 9).unwrap();
    assert_eq!(parked.iter().map(|j| j.id).collect::<Vec<_>>(), [ids[5]]);
    assert_eq!((parked[0].tries, &*robot.abandoned.lock().unwrap()), (8, &vec![ids[5]]));
    assert!(parked[0].error.as_ref().unwrap().contains("a bug"));
}
