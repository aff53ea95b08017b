//! The order of a look over a volume: its stages, and who does which of its tasks.
//!
//! What is found is decided where each task is done.

use std::sync::Arc;

use super::look::{Scan, Task};
use super::subject::Directory;
use super::worker::Worker;
use crate::mover::ground::fail::Result;
use crate::mover::ground::work::{self, Queue};
use crate::mover::manifest::entry::PAGE_ENTRIES_MAX;
use crate::mover::write::change::Item;

impl Scan<'_> {
    /// Looks over the whole volume. The stages follow one another at the target as they do here: contents and removals,
    /// then hard links, then the metadata of directories, which all the others disturb.
    pub fn run(mut self, workers: &mut [Worker<'_>]) -> Result<()> {
        self.threads = workers.len();
        let scan = &self;
        work::run(workers, vec![Task::Directory(Vec::new())], self.cancel, |task, worker, queue| scan.work(task, worker, queue))?;
        let groups = self.groups.gather().into_iter().map(Task::Group).collect();
        work::run(workers, groups, self.cancel, |task, worker, queue| scan.work(task, worker, queue))?;
        end_stage(workers)?;
        let settled = self.groups.settle(self.writer)?;
        for directory in settled.directories {
            self.touch(&directory);
        }
        work::run(workers, settled.links, self.cancel, |chunk, worker, _| emit_all(chunk, worker))?;
        end_stage(workers)?;
        let touched = std::mem::take(&mut *self.touched_directories.lock().expect("no thread panics while it holds this lock"));
        // Changes are made of them only as they are emitted: of millions of folders they would take much memory.
        let chunks = touched.chunks(PAGE_ENTRIES_MAX).collect();
        work::run(workers, chunks, self.cancel, |chunk: &[Arc<Directory>], worker, _| dress_all(chunk, worker))?;
        end_stage(workers)
    }

    fn work(&self, task: Task, worker: &mut Worker<'_>, queue: &Queue<Task>) -> Result<()> {
        match task {
            Task::Directory(path) => self.directory(path, worker, queue),
            Task::Slice(listed, from, to) => self.slice(&listed, from, to, worker, queue),
            Task::Large(subject) => self.large_file(*subject, worker, queue),
            Task::Segments(file) => file.upgrade().map_or(Ok(()), |file| self.segments(&file, worker)),
            Task::Group(group) => self.group(group, worker, queue),
        }
    }
}

fn end_stage(workers: &mut [Worker<'_>]) -> Result<()> {
    workers.iter_mut().try_for_each(|worker| worker.lane.end_stage())
}

fn emit_all(items: Vec<Item>, worker: &mut Worker<'_>) -> Result<()> {
    items.into_iter().try_for_each(|item| worker.lane.emit(item, &[]))
}

fn dress_all(directories: &[Arc<Directory>], worker: &mut Worker<'_>) -> Result<()> {
    directories.iter().try_for_each(|directory| {
        let item = Item::DressDirectory { path: directory.path.clone(), metadata: directory.metadata.clone() };
        worker.lane.emit(item, &[])
    })
}
