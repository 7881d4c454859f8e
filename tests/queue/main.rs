//! The queue against a real PostgreSQL: every promise that it makes.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should say so at once"
)]

#[path = "../common/postgres.rs"]
mod postgres_server;

mod stamping;
mod worker;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use proofmark::queue::{
    Job, Lease, LookTask, Outcome, Policy, Queue, QueueError, Report, Request, StampTask, State,
    Task,
};
use proofmark::registry;
use serde_json::json;

fn open() -> (Queue, String) {
    let url = postgres_server::database();
    (Queue::open(&url).unwrap(), url)
}

fn look(n: usize) -> Request {
    Request::new(Task::Verify(LookTask::new(format!("/clips/{n}.mp4").parse().unwrap())))
}

fn urgent(n: usize, priority: i64) -> Request {
    let mut new = look(n);
    new.priority = priority;
    new
}

fn keyed(n: usize, key: &str) -> Request {
    let mut new = look(n);
    new.key = Some(key.into());
    new
}

fn done(word: &str) -> Outcome {
    Outcome::Done(Report::new(
        0,
        json!({"schema": "proofmark.verify/1", "word": word, "p_value": 1.25e-300}),
        format!("{word}\n"),
    ))
}

/// Leases and back-offs so short that a test need not wait.
fn hasty() -> Policy {
    let mut policy = Policy::default();
    (policy.lease, policy.back_off, policy.longest) =
        (Duration::from_millis(60), Duration::from_millis(20), Duration::from_millis(60));
    policy
}

fn lease(job: &Job) -> Lease {
    Lease { id: job.id, attempt: job.attempt, worker: job.worker.clone().unwrap() }
}

fn claim(queue: &Queue, worker: &str) -> Option<Job> {
    queue.claim(worker, &hasty()).unwrap()
}

/// Claims what is put off, when it is due.
fn claim_soon(queue: &Queue, worker: &str) -> Job {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(job) = claim(queue, worker) {
            return job;
        }
        assert!(Instant::now() < until, "nothing became due");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Has every lease run out, and takes what then is found.
fn reap(queue: &Queue, policy: &Policy) -> Vec<Job> {
    std::thread::sleep(policy.lease + Duration::from_millis(30));
    queue.reap(policy).unwrap()
}

fn state(queue: &Queue, id: i64) -> State {
    queue.job(id).unwrap().unwrap().state
}

#[test]
fn the_highest_priority_goes_first_and_then_who_waited_longest() {
    let (queue, _) = open();
    let ids: Vec<i64> = queue
        .submit(&[look(0), urgent(1, 5), look(2), urgent(3, -5), urgent(4, 5)])
        .unwrap()
        .iter()
        .map(|s| s.id)
        .collect();
    let claimed: Vec<i64> = std::iter::from_fn(|| claim(&queue, "a")).map(|j| j.id).collect();
    assert_eq!(claimed, [ids[1], ids[4], ids[0], ids[2], ids[3]]);
}

#[test]
fn the_same_key_is_the_same_job_and_another_task_is_refused() {
    let (queue, _) = open();
    let first = queue.submit(&[keyed(1, "order 1")]).unwrap()[0];
    let again = queue.submit(&[keyed(1, "order 1")]).unwrap()[0];
    assert_eq!((first.new, again.new, first.id), (true, false, again.id));
    let other = queue.submit(&[look(7), keyed(2, "order 1")]);
    assert!(matches!(other, Err(QueueError::Taken { id, .. }) if id == first.id));
    assert!(matches!(queue.submit(&[keyed(1, "")]), Err(QueueError::Unfit { .. })));
    // All or none.
    assert_eq!(queue.unfinished().unwrap(), 1);
    // A number that is drawn is drawn once.
    let mut stamp = Request::new(Task::Stamp(Box::new(StampTask::new(
        "/a.mp4".parse().unwrap(),
        "/b.mp4".parse().unwrap(),
    ))));
    stamp.key = Some("order 2".into());
    let (one, two) =
        (queue.submit(&[stamp.clone()]).unwrap()[0], queue.submit(&[stamp]).unwrap()[0]);
    let Task::Stamp(task) = queue.job(two.id).unwrap().unwrap().task().unwrap() else {
        panic!("another task")
    };
    assert!(one.id == two.id && task.payload.is_some() && task.drawn);
    // Also at the same time, also when it has ended.
    let ids: BTreeSet<i64> = std::thread::scope(|s| {
        (0..8)
            .map(|_| s.spawn(|| queue.submit(&[keyed(3, "order 3")]).unwrap()[0].id))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|t| t.join().unwrap())
            .collect()
    });
    assert_eq!(ids.len(), 1);
}

#[test]
fn who_lost_the_lease_writes_nothing() {
    let (queue, _) = open();
    let id = queue.submit(&[look(1)]).unwrap()[0].id;
    let first = lease(&claim(&queue, "a").unwrap());
    assert!(queue.renew(&first, &hasty()).unwrap());
    let reaped = reap(&queue, &hasty());
    assert_eq!(
        (reaped.len(), reaped[0].id, reaped[0].deaths, reaped[0].state),
        (1, id, 1, State::Waiting)
    );
    let second = lease(&claim_soon(&queue, "b"));
    assert_eq!(second.attempt, 2);
    assert!(!queue.renew(&first, &hasty()).unwrap() && !queue.note(&first, "mine").unwrap());
    for late in [done("late"), Outcome::Again("late".into()), Outcome::Stopped] {
        assert_eq!(queue.finish(&first, &late, &hasty()).unwrap(), None);
    }
    assert_eq!(state(&queue, id), State::Running);
    assert_eq!(queue.finish(&second, &done("good"), &hasty()).unwrap(), Some(State::Done));
    // Once more, as after an answer that was lost, and once more by who is late.
    assert_eq!(queue.finish(&second, &done("good"), &hasty()).unwrap(), Some(State::Done));
    assert_eq!(queue.finish(&first, &done("late"), &hasty()).unwrap(), None);
    let result = queue.result(id).unwrap().unwrap();
    assert_eq!(
        (result.attempt, result.worker.as_str(), result.report),
        (
            2,
            "b",
            Report::new(
                0,
                json!({"schema": "proofmark.verify/1", "word": "good", "p_value": 1.25e-300}),
                "good\n".into()
            )
        )
    );
}

#[test]
fn a_job_that_kills_its_workers_is_parked_with_its_last_error() {
    let (queue, _) = open();
    let id = queue.submit(&[look(1)]).unwrap()[0].id;
    for n in 1..=3 {
        let job = claim_soon(&queue, &format!("worker {n}"));
        assert_eq!((job.id, job.attempt, job.deaths), (id, n, n - 1));
        assert_eq!(reap(&queue, &hasty()).len(), 1);
    }
    let job = queue.job(id).unwrap().unwrap();
    assert_eq!((job.state, job.deaths), (State::Parked, 3));
    assert!(
        job.error.as_ref().is_some_and(|e| e.contains("worker 3") && e.contains("attempt 3")),
        "{:?}",
        job.error
    );
    std::thread::sleep(Duration::from_millis(150));
    assert!(
        claim(&queue, "d").is_none()
            && queue.reap(&hasty()).unwrap().is_empty()
            && queue.result(id).unwrap().is_none()
    );
    // Somebody looked into it.
    assert!(queue.retry(id).unwrap() && !queue.retry(id).unwrap());
    let job = claim(&queue, "d").unwrap();
    assert_eq!((job.attempt, job.deaths), (4, 0));
}

#[test]
fn failures_of_the_surroundings_are_put_off_longer_each_time_and_then_parked() {
    let (queue, _) = open();
    let id = queue.submit(&[look(1)]).unwrap()[0].id;
    let mut policy = Policy::default();
    (policy.back_off, policy.longest, policy.tries) =
        (Duration::from_secs(1000), Duration::from_secs(3000), 4);
    let mut off = Vec::new();
    for n in 1..=4 {
        // Whoever is not due is not claimed, so the time is turned back.
        let job = queue.job(id).unwrap().unwrap();
        let job = if n == 1 { claim(&queue, "a").unwrap() } else { rewind(&queue, job.id) };
        let became =
            queue.finish(&lease(&job), &Outcome::Again(format!("disk full {n}")), &policy).unwrap();
        assert_eq!(became, Some(if n < 4 { State::Waiting } else { State::Parked }));
        let after = queue.job(id).unwrap().unwrap();
        assert_eq!(
            (after.tries, after.deaths, after.error.as_deref()),
            (n, 0, Some(format!("disk full {n}").as_str()))
        );
        off.push(after.due - job.started.unwrap());
        assert!(claim(&queue, "a").is_none());
    }
    for (off, about) in off.iter().zip([1000.0, 2000.0, 3000.0]) {
        assert!((0.74 * about..1.27 * about).contains(off), "{off} instead of about {about}");
    }
    assert!(queue.result(id).unwrap().is_none());
}

/// Claims a job that is put off, as if the time had come.
fn rewind(queue: &Queue, id: i64) -> Job {
    assert!(queue.cancel(id).unwrap());
    let before = queue.job(id).unwrap().unwrap();
    assert!(queue.retry(id).unwrap());
    let mut client = raw(queue);
    client
        .execute("UPDATE proofmark_jobs SET tries = $1 WHERE id = $2", &[&before.tries, &id])
        .unwrap();
    claim(queue, "a").unwrap()
}

/// A connection past the queue.
fn raw(queue: &Queue) -> postgres::Client {
    let url = queue.location().replacen(
        "proofmark@",
        &format!("proofmark:{}@", postgres_server::PASSWORD),
        1,
    );
    postgres::Client::connect(&format!("{url}?sslmode=disable"), postgres::NoTls).unwrap()
}

#[test]
fn failures_of_the_file_are_results() {
    let (queue, _) = open();
    let id = queue.submit(&[look(1)]).unwrap()[0].id;
    let job = claim(&queue, "a").unwrap();
    // A NUL, which the server takes in no text, is no reason to lose it.
    let failed = Outcome::Failed(Report::new(
        2,
        json!({"error": "/clips/1.mp4: is empty\u{0}"}),
        "is empty\u{0}".into(),
    ));
    assert_eq!(queue.finish(&lease(&job), &failed, &hasty()).unwrap(), Some(State::Failed));
    assert_eq!(
        queue.result(id).unwrap().unwrap().report.report["error"],
        "/clips/1.mp4: is empty\u{0}"
    );
    assert!(claim(&queue, "a").is_none() && queue.unfinished().unwrap() == 0);
    // Done again on request, it ends once again.
    assert!(queue.retry(id).unwrap() && queue.result(id).unwrap().is_none());
    let job = claim(&queue, "a").unwrap();
    assert_eq!(queue.finish(&lease(&job), &done("good"), &hasty()).unwrap(), Some(State::Done));
    assert!(!queue.retry(id).unwrap() && !queue.cancel(id).unwrap());
}

#[test]
fn what_is_given_back_counts_against_nobody() {
    let (queue, _) = open();
    queue.submit(&[look(1), look(2)]).unwrap();
    let (one, two) = (claim(&queue, "a").unwrap(), claim(&queue, "a").unwrap());
    assert_eq!(
        queue.finish(&lease(&one), &Outcome::Stopped, &hasty()).unwrap(),
        Some(State::Waiting)
    );
    let again = claim(&queue, "b").unwrap();
    assert_eq!((again.id, again.attempt, again.deaths, again.tries), (one.id, 2, 0, 0));
    // The answer to a claim was lost: what the worker does not know of goes back, what it knows and
    // what others have stays.
    assert_eq!(queue.disown("a", &[lease(&two)]).unwrap(), 0);
    assert_eq!(queue.disown("a", &[]).unwrap(), 1);
    assert_eq!((state(&queue, two.id), state(&queue, one.id)), (State::Waiting, State::Running));
}

#[test]
fn eight_at_once_never_get_the_same() {
    const JOBS: usize = 400;
    let (queue, url) = open();
    queue.submit(&(0..JOBS).map(look).collect::<Vec<_>>()).unwrap();
    let claimed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (url, claimed) = (&url, &claimed);
            scope.spawn(move || {
                let queue = Queue::open(url).unwrap();
                let policy = Policy::default();
                while let Some(job) = queue.claim(&format!("worker {n}"), &policy).unwrap() {
                    claimed.lock().unwrap().push(job.id);
                    assert_eq!(
                        queue.finish(&lease(&job), &done("good"), &policy).unwrap(),
                        Some(State::Done)
                    );
                }
            });
        }
    });
    let claimed = claimed.into_inner().unwrap();
    assert_eq!((claimed.len(), claimed.iter().collect::<BTreeSet<_>>().len()), (JOBS, JOBS));
    let overview = queue.overview().unwrap();
    assert_eq!(
        (
            overview.states.iter().find(|s| s.0 == State::Done).unwrap().1,
            overview.last_minute,
            overview.stuck,
            overview.longest_wait
        ),
        (JOBS as u64, JOBS as u64, 0, None)
    );
    assert_eq!(queue.list(Some(State::Done), 3).unwrap().len(), 3);
    assert_eq!(
        raw(&queue)
            .query_one("SELECT count(*) FROM proofmark_results", &[])
            .unwrap()
            .get::<_, i64>(0),
        JOBS as i64
    );
}

#[test]
fn tables_are_made_once_and_newer_ones_refused() {
    let url = postgres_server::database();
    std::thread::scope(|scope| {
        (0..8).for_each(|_| drop(scope.spawn(|| Queue::open(&url).unwrap())))
    });
    let queue = Queue::open(&url).unwrap();
    // Beside a registry in the same database.
    registry::open(&url).unwrap();
    assert_eq!(queue.submit(&[look(1)]).unwrap().len(), 1);
    raw(&queue).execute("INSERT INTO proofmark_queue_version VALUES (99)", &[]).unwrap();
    assert!(matches!(Queue::open(&url), Err(QueueError::Newer { found: 99, .. })));
    for wrong in [
        "/tmp/queue.db".to_string(),
        url.replace(postgres_server::PASSWORD, "wrong-staple"),
        "postgres://me:wrong-staple@127.0.0.1:1/none".into(),
    ] {
        let refused = Queue::open(&wrong).unwrap_err().to_string();
        assert!(!refused.contains("wrong-staple") && !refused.contains('\n'), "{refused}");
    }
}
