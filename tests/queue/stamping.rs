//! How a stamped clip appears once, wherever its worker dies.

use std::path::{Path, PathBuf};

use proofmark::Registry;
use proofmark::media::Cancel;
use proofmark::queue::{
    self, Delivered, Finished, Hold, Job, Outcome, Place, Queue, Report, Request, StampTask, State,
    Stores, Task, Workplace,
};
use proofmark::registry::{self, Content, Entry};
use serde_json::json;
use tempfile::TempDir;

use super::worker::{Robot, worker};
use super::{claim, claim_soon, hasty, open, reap, state};

/// A stamp job whose worker does all but the stamping.
struct Press {
    folder: TempDir,
    registry: std::sync::Arc<dyn Registry>,
    stores: Stores,
}

impl Press {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let registry = registry::open(folder.path().join("registry.db").to_str().unwrap()).unwrap();
        Self { folder, registry, stores: Stores::default() }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn target(&self) -> PathBuf {
        self.out().join("clip.mkv")
    }

    fn submit(&self, queue: &Queue) -> i64 {
        let task = StampTask::new("/clips/a.mkv".parse().unwrap(), Place::File(self.target()));
        queue.submit(&[Request::new(Task::Stamp(Box::new(task)))]).unwrap()[0].id
    }

    /// As a worker does it, up to the point where it is to die.
    fn work(&self, job: &Job, hold: &Hold<'_>, die: &str) -> Outcome {
        let Ok(Task::Stamp(task)) = job.task() else { panic!("another task") };
        if let Some(report) = queue::resume(
            job,
            self.folder.path(),
            &self.stores,
            Some(self.registry.as_ref()),
            &task,
        )
        .unwrap()
        {
            return Outcome::Done(report);
        }
        let place = Workplace::new(job, &task, self.folder.path()).unwrap();
        assert!(hold.still().unwrap());
        let clip = place.clip(&task);
        std::fs::write(&clip, format!("clip of attempt {}", job.attempt)).unwrap();
        std::fs::write(clip.with_extension("c2pa"), format!("manifest of attempt {}", job.attempt))
            .unwrap();
        let mut entry = Entry::new(
            task.payload.unwrap(),
            Content::of_file(&clip).unwrap(),
            "video/x-matroska".into(),
            1_000,
        );
        entry.title = Some(format!("attempt {}", job.attempt));
        if !die.is_empty() {
            // What a killed worker leaves.
            std::mem::forget(place);
        }
        if die == "before" {
            return Outcome::Again("killed".into());
        }
        let report = Report::new(0, json!({"attempt": job.attempt}), String::new());
        let finished = Finished { clip, mime: "video/x-matroska", entry: Some(entry) };
        match queue::deliver(
            hold,
            &self.stores,
            Some(self.registry.as_ref()),
            &finished,
            &task,
            &report,
        ) {
            Ok(Delivered::Here) if die == "after" => Outcome::Again("killed".into()),
            Ok(Delivered::Here) => Outcome::Done(report),
            Ok(Delivered::Lost) => Outcome::Stopped,
            Err(e) if die.is_empty() => {
                Outcome::Failed(Report::new(2, json!({"error": e.to_string()}), String::new()))
            }
            Err(e) => Outcome::Again(e.to_string()),
        }
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.out())
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// That there is one clip with its sidecar and one entry, all of one attempt.
    fn holds_one(&self, attempt: i64) {
        assert_eq!(self.files(), ["clip.c2pa", "clip.mkv"]);
        assert_eq!(
            std::fs::read_to_string(self.target()).unwrap(),
            format!("clip of attempt {attempt}")
        );
        assert_eq!(
            std::fs::read_to_string(self.target().with_extension("c2pa")).unwrap(),
            format!("manifest of attempt {attempt}")
        );
        let entries = self.registry.list(&registry::Filter::default()).unwrap();
        assert_eq!(
            entries
                .iter()
                .map(|e| (e.title.clone().unwrap(), e.target.clone()))
                .collect::<Vec<_>>(),
            [(format!("attempt {attempt}"), None::<PathBuf>)]
        );
    }
}

#[test]
fn a_clip_is_stamped_once_wherever_its_worker_dies() {
    // Where the first worker dies, and the attempt whose clip it is in the end.
    for (die, attempt) in [("before", 2), ("after", 1)] {
        let (queue, _) = open();
        let press = Press::new();
        std::fs::create_dir(press.out()).unwrap();
        let id = press.submit(&queue);
        let robot = Robot::new(|job: &Job, hold: &Hold<'_>| {
            press.work(job, hold, if job.attempt == 1 { die } else { "" })
        });
        queue::work(&queue, &worker(1), &Cancel::default(), &robot).unwrap();
        assert_eq!((state(&queue, id), queue.job(id).unwrap().unwrap().attempt), (State::Done, 2));
        assert_eq!(queue.result(id).unwrap().unwrap().report.report["attempt"], attempt);
        press.holds_one(attempt);
    }
}

#[test]
fn what_a_worker_began_and_could_not_finish_is_taken_back() {
    let (queue, _) = open();
    let press = Press::new();
    std::fs::create_dir(press.out()).unwrap();
    let id = press.submit(&queue);
    // The clip's name is a folder's when it is to be moved there: entry and sidecar are there by
    // then.
    let robot = Robot::new(|job: &Job, hold: &Hold<'_>| {
        if job.attempt == 1 {
            let outcome = press.work(job, hold, "never");
            return outcome;
        }
        assert_eq!(press.registry.count().unwrap(), 1);
        std::fs::remove_dir_all(press.target()).unwrap();
        press.work(job, hold, "")
    });
    std::fs::create_dir_all(press.target()).unwrap();
    let forced = {
        let mut task = StampTask::new("/clips/a.mkv".parse().unwrap(), Place::File(press.target()));
        task.force = true;
        queue.cancel(id).unwrap();
        queue.submit(&[Request::new(Task::Stamp(Box::new(task)))]).unwrap()[0].id
    };
    queue::work(&queue, &worker(1), &Cancel::default(), &robot).unwrap();
    assert_eq!(
        state(&queue, forced),
        State::Done,
        "{:?}",
        queue.job(forced).unwrap().unwrap().error
    );
    press.holds_one(2);
}

#[test]
fn a_target_that_is_there_is_not_replaced_and_nothing_is_remembered_of_it() {
    let (queue, _) = open();
    let press = Press::new();
    std::fs::create_dir(press.out()).unwrap();
    std::fs::write(press.target(), "somebody's").unwrap();
    let id = press.submit(&queue);
    let robot = Robot::new(|job: &Job, hold: &Hold<'_>| press.work(job, hold, ""));
    queue::work(&queue, &worker(1), &Cancel::default(), &robot).unwrap();
    assert_eq!(state(&queue, id), State::Failed);
    assert!(
        queue.result(id).unwrap().unwrap().report.report["error"]
            .as_str()
            .unwrap()
            .contains("--force")
    );
    assert_eq!((press.files(), press.registry.count().unwrap()), (vec!["clip.mkv".to_string()], 0));
    assert_eq!(std::fs::read_to_string(press.target()).unwrap(), "somebody's");
}

#[test]
fn who_was_thought_dead_can_put_nothing_in_place() {
    let (queue, _) = open();
    let press = Press::new();
    std::fs::create_dir(press.out()).unwrap();
    press.submit(&queue);
    let first = claim(&queue, "a").unwrap();
    let Ok(Task::Stamp(task)) = first.task() else { panic!("another task") };
    let sleeping = Workplace::new(&first, &task, Path::new("/tmp")).unwrap();
    std::fs::write(sleeping.clip(&task), "late").unwrap();
    reap(&queue, &hasty());
    let second = claim_soon(&queue, "b");
    assert_eq!(
        queue::resume(&second, Path::new("/tmp"), &press.stores, None, &task).unwrap(),
        None
    );
    let place = Workplace::new(&second, &task, Path::new("/tmp")).unwrap();
    std::mem::forget(place);
    let content = Content::of_bytes(b"late");
    assert!(
        press
            .stores
            .put(&sleeping.clip(&task), &task.target, &content, "video/x-matroska", true)
            .is_err()
    );
    assert!(!press.target().exists());
    // A parked job leaves nothing behind.
    Workplace::clear(&second, &task, Path::new("/tmp"));
    assert_eq!(press.files().len(), 0);
}
